"""Tests of cogs/extend."""
