"""Tests of cogs/sharing."""
