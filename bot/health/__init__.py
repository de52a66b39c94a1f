"""Whether the bot is well, and in figures how it does: /healthz and /metrics."""
