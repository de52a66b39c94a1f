"""The database commands of the command line: backup, restore, inspect, move to PostgreSQL."""
