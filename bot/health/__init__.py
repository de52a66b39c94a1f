"""Health checks and metrics: /healthz and /metrics."""
