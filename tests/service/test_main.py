"""A signal ends the service properly however early it comes, once Python runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.__main__ import main
from tests.servers import clean_environment, started
from tests.waiting import eventually

SERVE = [sys.executable, "-m", "service", "serve"]


def caught(process: subprocess.Popen[bytes], number: int) -> bool:
    """Whether a program has a handler for a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> number - 1 & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_amid_the_imports_is_a_proper_end(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    with started(SERVE, log, clean_environment(BOOTH_PORT="0")) as process:
        eventually(lambda: caught(process, signal.SIGTERM))
        process.send_signal(number)
        assert process.wait(15) == 0
        assert log.read_bytes() == b""


def test_no_other_command_changes_what_signals_do(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("sys.argv", ["booth", "key"])
    monkeypatch.setattr("service.cli.main.main", lambda: None)
    main()
    assert signal.getsignal(signal.SIGTERM) is before
