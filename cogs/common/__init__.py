"""Helpers that several features use. Imports no feature."""
