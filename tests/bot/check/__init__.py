"""Tests of bot/check."""
