"""One module per step of a task's life."""
