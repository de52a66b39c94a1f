"""The chat page's API."""
