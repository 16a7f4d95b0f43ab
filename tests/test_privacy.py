"""Booth speaks to nobody it was not told to, and neither do the libraries that it stands on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SAMPLE = ROOT / "demo/samples/aqueduct.jpg"
WATCHED = ROOT / "tests/watched.py"

# A service with its page, asked once, until it has been idle for as long as reports are put off.
SERVE = """
import os, signal, subprocess, sys, time, urllib.request
server = subprocess.Popen([sys.executable, "-m", "service", "serve"])
deadline = time.monotonic() + 60
def ask(path, data=None):
    return urllib.request.urlopen(f"http://127.0.0.1:8917{path}", data, 5).read()
while time.monotonic() < deadline:
    try:
        ask("/classify", open(sys.argv[1], "rb").read())
        if b"gradio" in ask("/"):
            break
    except OSError:
        pass
    time.sleep(0.2)
else:
    sys.exit("it did not get ready")
time.sleep(8)
server.send_signal(signal.SIGTERM)
sys.exit(server.wait(30))
"""


def watched(home: Path, *command: str) -> str:
    """What a command sends to other hosts, a line each."""
    if os.geteuid() or not (shutil.which("ip") and shutil.which("unshare")):
        pytest.skip("a network to watch takes root, and the programs ip and unshare")
    # What CI's variables switch off must be off without them.
    environment = {k: v for k, v in os.environ.items() if k not in {"CI", "XDG_CACHE_HOME"}}
    ended = subprocess.run(
        ["unshare", "--net", sys.executable, str(WATCHED), *command],
        env={**environment, "HOME": str(home), "BOOTH_PORT": "8917", "BOOTH_HOST": "127.0.0.1"},
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=110,
    )  # fmt: skip
    if "Operation not permitted" in ended.stderr:
        pytest.skip("this machine lets nobody make a network")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def left_behind(home: Path) -> list[str]:
    """Files that the libraries' makers left, to know this user again."""
    places = (home / "intel", home / ".cache/Microsoft")
    return [str(file) for place in places for file in place.rglob("*") if file.is_file()]


def test_a_look_up_and_a_connection_would_be_seen(tmp_path: Path) -> None:
    call = "import socket; socket.create_connection(('10.9.9.2', 443), 0.2)"
    look_up = "import socket; socket.getaddrinfo('collector.example', 443)"
    both = f"try:\n {call}\nexcept OSError: pass\ntry:\n {look_up}\nexcept OSError: pass"
    seen = watched(tmp_path, sys.executable, "-c", both)
    assert "tcp 10.9.9.2 443" in seen
    assert " 53" in seen


@pytest.mark.parametrize(
    "command",
    [
        ("-c", SERVE, str(SAMPLE)),
        ("-m", "service", "classify", str(SAMPLE)),
        ("-m", "service", "export", "--help"),
        ("-m", "service", "train", "--help"),
        ("-c", "import export.pipeline, export.training.run, models.training.trainer"),
    ],
    ids=["serve", "classify", "export", "train", "libraries"],
)
def test_nothing_is_sent_and_nobody_is_marked(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert watched(tmp_path, sys.executable, *command) == ""
    assert left_behind(tmp_path) == []
