"""What several features share; imports no feature."""
