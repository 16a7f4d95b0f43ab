"""The log's lines: their form, and that whoever reads them slowly holds nobody up."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from service.telemetry.logs import _TALKERS, LogWriter, configure


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    libraries = [logging.getLogger(name) for name in ("uvicorn.error", "httpx", *_TALKERS)]
    levels = [one.level for one in libraries]
    root.handlers.clear()  # pytest's own, which `configure` would close
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = handlers, level
    for library, before in zip(libraries, levels, strict=True):
        library.setLevel(before)


def lines_of(form: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    configure(form)  # type: ignore[arg-type]
    logging.getLogger("booth.x").warning("a %s", "b", extra={"photographs": 3})
    try:
        int("why")
    except ValueError:
        logging.getLogger("booth.x").exception("c")
    for handler in logging.getLogger().handlers:
        handler.close()
    return capsys.readouterr().err.splitlines()


@pytest.mark.usefixtures("_logging_as_before")
def test_json_has_a_line_a_record_and_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    before = time.time()
    first, second = map(json.loads, lines_of("json", capsys))
    assert (first["level"], first["logger"], first["message"]) == ("warning", "booth.x", "a b")
    assert first["photographs"] == 3
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])
    at = time.strptime(first["time"][:19], "%Y-%m-%dT%H:%M:%S")
    assert before - 1 < time.mktime(at) - time.timezone < time.time() + 1
    assert "ValueError: invalid literal" in second["exception"]


LOGGERS = ("booth.x", "uvicorn.error", "httpx", "PIL.TiffImagePlugin", "botocore.auth", "any.other")


@pytest.mark.parametrize(
    ("level", "least"),
    [
        ("debug", [10, 10, 10, 20, 20, 10]),
        ("info", [20, 30, 30, 20, 20, 20]),
        ("warning", [30] * 6),
        ("error", [40] * 6),
    ],
)
@pytest.mark.usefixtures("_logging_as_before")
def test_a_level_holds_for_libraries_too(level: str, least: list[int]) -> None:
    configure("text", level)
    assert [logging.getLogger(name).getEffectiveLevel() for name in LOGGERS] == least


@pytest.mark.usefixtures("_logging_as_before")
def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    first, *rest = lines_of("text", capsys)
    assert first.endswith(" a b")
    assert rest[-1].startswith("ValueError: invalid literal")


class Stuck(io.StringIO):
    """A reader that takes one line, and the next ones when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.go_on.wait(10)
        return super().write(text)


def record(number: int) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": f"line {number}"})


def test_a_stuck_reader_holds_nobody_up_and_is_told_what_it_missed() -> None:
    stream = Stuck()
    writer = LogWriter(stream, waiting=2)
    writer.handle(record(0))
    assert stream.reached.wait(10)
    for number in range(1, 6):
        writer.handle(record(number))  # two wait, three find no room
    stream.go_on.set()
    writer.close()
    assert stream.getvalue().splitlines() == [
        "line 0",
        "3 lines left out: whoever reads the log is too slow",
        "line 1",
        "line 2",
    ]


def test_what_waits_is_written_at_the_end() -> None:
    stream = io.StringIO()
    writer = LogWriter(stream)
    for number in range(100):
        writer.handle(record(number))
    writer.close()
    assert len(stream.getvalue().splitlines()) == 100


def test_a_reader_that_went_away_does_not_end_the_writing() -> None:
    class Closed(io.StringIO):
        refused = threading.Event()

        def write(self, text: str) -> int:
            if not self.refused.is_set():
                self.refused.set()
                raise BrokenPipeError
            return super().write(text)

    stream = Closed()
    writer = LogWriter(stream)
    writer.handle(record(0))
    assert stream.refused.wait(10)
    writer.handle(record(1))
    writer.close()
    assert stream.getvalue() == "line 1\n"


def test_a_process_ends_although_nobody_reads_its_log() -> None:
    code = (
        "import logging; from service.telemetry.logs import configure; configure('text')\n"
        "for _ in range(2000): logging.warning('x' * 1000)\n"
        "print('done', flush=True)"
    )
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            timeout=30,
            stdout=subprocess.PIPE,
            stderr=writing,
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert done.stdout == b"done\n"


def test_a_signals_handler_may_log_whatever_it_interrupts() -> None:
    code = (
        "import logging, signal; from service.telemetry.logs import configure; configure('text')\n"
        # The next signal is sent for at the end of the handler: never one within another.
        "def interrupt(*_): logging.warning('interrupted'); signal.setitimer(0, 1e-4)\n"
        "signal.signal(signal.SIGALRM, interrupt)\n"
        "signal.setitimer(signal.ITIMER_REAL, 1e-4)\n"
        "for _ in range(20_000): logging.warning('x')\n"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        timeout=30,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert "interrupted" in done.stderr


def test_what_c_libraries_write_reaches_no_log() -> None:
    code = (
        "import os, sys, logging\n"
        "from service.telemetry.logs import configure, keep_stderr\n"
        "keep_stderr(); configure('text')\n"
        "os.write(2, b'a remark of a library\\n')\n"
        "logging.getLogger('booth').info('a line of ours')\n"
        "print('last words', file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    assert "a line of ours" in ended.stderr
    assert "last words" in ended.stderr
    assert "remark" not in ended.stderr
