"""Where files are kept: working directories, and finished videos on disk or in S3."""
