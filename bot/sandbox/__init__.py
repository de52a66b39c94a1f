"""A bare machine's Discord and FoxAPI: stand-ins that the unmodified bot meets over HTTP alone."""
