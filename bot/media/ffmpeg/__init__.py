"""ffmpeg as a bounded child process: probing, filters, encoding."""
