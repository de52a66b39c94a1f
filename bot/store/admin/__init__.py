"""What the command line does to a database: backup, restore, inspection, move to PostgreSQL."""
