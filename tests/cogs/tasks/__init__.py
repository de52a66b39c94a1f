"""Tests of cogs/tasks."""
