"""Log lines, as text for people or JSON for machines."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import sys
import threading
from queue import SimpleQueue
from typing import Literal, TextIO

import orjson

__all__ = ["LogWriter", "configure", "keep_stderr"]

# What every record has; the rest came through `extra` and belongs into the JSON.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

STDERR = 2
WAITING_LINES = 1000
REST_S = 0.02
CLOSE_S = 1.0


# At debug Pillow tells what a photograph's metadata say, those of buckets how a request is signed.
_TALKERS = ("PIL", "aiobotocore", "boto3", "botocore", "fsspec", "gcsfs", "google", "s3fs")


def configure(form: Literal["text", "json"], level: str = "info") -> None:
    """Send Booth's log to standard error, one line a record.

    Args:
        form: of the lines.
        level: the least weight of what is written: debug, info, warning, error.

    """
    least = logging.getLevelNamesMapping()[level.upper()]
    handler = LogWriter(sys.stderr)
    handler.setFormatter(
        _JsonFormatter() if form == "json" else logging.Formatter("%(asctime)s %(message)s")
    )
    logging.basicConfig(level=least, handlers=[handler], force=True)
    # Its lines on start and end repeat ours; httpx tells of each call the page makes.
    for chatty in ("uvicorn.error", "httpx"):
        logging.getLogger(chatty).setLevel(
            max(least, logging.WARNING) if level != "debug" else least
        )
    for talker in _TALKERS:
        logging.getLogger(talker).setLevel(max(least, logging.INFO))


def keep_stderr() -> None:
    """Keep standard error for Booth alone: what C libraries write there goes nowhere from now on.

    libtiff writes a line for each row of a damaged file, without end and past every limit of the
    log; and if nobody reads, it waits for ever.
    """
    try:
        ours = os.dup(STDERR)
    except OSError:
        return  # there is none
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    # Python's own last words, of a crash at the end, still come out.
    sys.stderr = open(ours, "w", encoding="utf-8", buffering=1, errors="backslashreplace")  # noqa: SIM115, PTH123


class LogWriter(logging.Handler):
    """Writes on a thread of its own: a reader of the log that is slow can't hold up who logs.

    When it is further behind than ``waiting`` lines, lines are left out, and counted in the next
    one.
    """

    def __init__(self, stream: TextIO, waiting: int = WAITING_LINES) -> None:
        super().__init__()
        self._stream = stream
        self._waiting = waiting
        # Simple, for a signal's handler may log while the thread it interrupts is in `put`.
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._lost = 0
        # Not the handler's own lock, which logging holds while it closes handlers at the end.
        self._counting = threading.RLock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write, name="booth-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Format a record here, where what it is about can't change, and let it wait."""
        if self._lines.qsize() >= self._waiting:
            with self._counting:
                self._lost += 1
            return
        try:
            self._lines.put(self.format(record))
        except Exception:  # noqa: BLE001 (what can't be written down must not fail who logs it)
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, for a second at most."""
        self._lines.put(None)
        self._ending.set()
        self._thread.join(CLOSE_S)
        super().close()

    def _write(self) -> None:
        ended = False
        while not ended:
            lines = self._take()
            ended = None in lines
            self._put("".join(f"{line}\n" for line in lines if line is not None))
            self._tell_lost()
            # Waking up for each line would cost those who log more than the line itself.
            self._ending.wait(REST_S)

    def _take(self) -> list[str | None]:
        """The next line, as soon as there is one, and those that wait behind it."""
        lines = [self._lines.get()]
        while not self._lines.empty():
            lines.append(self._lines.get())
        return lines

    def _put(self, text: str) -> None:
        # A terminal that was closed must not end the service.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def _tell_lost(self) -> None:
        with self._counting:
            lost, self._lost = self._lost, 0
        if lost:
            fields = {"name": "booth.logs", "levelname": "WARNING", "levelno": logging.WARNING}
            message = f"{lost} lines left out: whoever reads the log is too slow"
            record = logging.makeLogRecord({**fields, "msg": message, "left_out": lost})
            self._put(f"{self.format(record)}\n")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{key: value for key, value in vars(record).items() if key not in STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()
