"""The Discord fake's state: records, permissions and changes."""
