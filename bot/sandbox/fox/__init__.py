"""Tests of bot/sandbox/foxapi."""
