"""Tests of bot/worker."""
