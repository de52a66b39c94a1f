"""What every room speaks of: tasks, shares, limits, events, and the port to whatever shows replies."""
