"""``python -m demo``, the page as a process of its own: SIGTERM ends it properly, however early.

The server passes the signal on when it has ended, and what it needs takes seconds to import: either
way Python's own answer would be to die of it (143), which watchers take for a failure.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, _end)
    from demo.command import main as run_command_line

    run_command_line(prog_name="python -m demo")


def _end(_number: int, _frame: FrameType | None) -> None:
    """End at once: nobody has been accepted yet, or everybody was answered."""
    os._exit(0)


if __name__ == "__main__":
    main()
