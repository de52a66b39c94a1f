"""extend-bot: what happens when a community makes its videos longer (see the README's architecture section)."""
