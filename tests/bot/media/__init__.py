"""Tests of bot/media."""
