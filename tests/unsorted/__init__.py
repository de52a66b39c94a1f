"""Tests of unsorted."""
