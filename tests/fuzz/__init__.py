"""Fuzzing of the parsers of untrusted input."""
