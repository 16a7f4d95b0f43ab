"""The command ``booth``, and ``python -m service``: a signal ends it properly, however early.

What a command needs takes seconds to import. Until the server runs and drains by itself, Python's
own way would be to die of SIGTERM (143), to print a traceback for SIGINT, and to die of SIGHUP.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["serve"]:
        _expect_signals()
    from service.cli.main import main as run_command_line

    run_command_line()


def _expect_signals() -> None:
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    if hasattr(signal, "SIGHUP"):
        # The models are read soon enough. Unlike SIG_IGN it is not passed on to children.
        signal.signal(signal.SIGHUP, lambda *_: None)


def _end(_number: int, _frame: FrameType | None) -> None:
    """End at once: nobody has been accepted yet, and what is imported might catch SystemExit."""
    os._exit(0)


if __name__ == "__main__":
    main()
