"""SQLite and PostgreSQL: connections, transactions, notifications."""
