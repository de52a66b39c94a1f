"""End to end over real sockets: the stand-ins, the real bot, real HTTP, real SQLite, real ffmpeg."""
