"""A strict reader of MP4 and MOV files."""
