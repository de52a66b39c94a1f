"""The sample clips of the chat page."""
