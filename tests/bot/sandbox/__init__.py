"""Tests of bot/sandbox."""
