"""Tests of resilience."""
