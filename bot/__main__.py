"""The command line: `python -m bot [gateway|worker|sandbox|sync|check|backup|restore|move]`."""

from __future__ import annotations

import sys

from bot.cli import main

if __name__ == "__main__":
    sys.exit(main())
