"""Local fakes of Discord and FoxAPI, which the unmodified bot uses over HTTP only."""
