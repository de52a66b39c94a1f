"""Tests of cogs/limits."""
