"""Tests of bot/foxapi."""
