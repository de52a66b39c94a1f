"""Tests of cogs/usage."""
