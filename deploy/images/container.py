"""Run an image as docker-compose.yml would, ask it, and end it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.images.engine import Engine, NotSo, expect, say

__all__ = ["check_running", "hardened", "running", "until"]

PHOTO = Path(__file__).resolve().parents[2] / "demo/samples/aqueduct.jpg"
HEALTHY_WITHIN_S = 120.0
ENDS_WITHIN_S = 30
PORTS = {"service": 8000, "gpu": 8000, "demo": 7860}
TMPFS = {
    "demo": "size=64m,mode=1777,noexec,nosuid,nodev",
    "export": "size=1g,mode=1777,nosuid,nodev",
}
LABELS = 5
# What is written in a container, and by whom: nothing but /tmp.
WRITES = "touch /opt/x 2>&1; touch /etc/x 2>&1; touch /tmp/x && echo wrote"


def hardened(target: str) -> list[str]:
    """The options with which docker-compose.yml runs a target."""
    tmpfs = TMPFS.get(target, "size=256m,mode=1777,noexec,nosuid,nodev")
    return [
        *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
        *(f"--tmpfs=/tmp:{tmpfs}", "--pids-limit=256", "--memory=4g"),
    ]


@contextmanager
def running(engine: Engine, name: str, target: str) -> Iterator[str]:
    """A container of the image; its name. It is gone afterwards."""
    made = f"booth-proof-{target}"
    port = PORTS[target]
    engine.run("rm", "--force", made, check=False)
    publish = f"--publish=127.0.0.1::{port}"
    engine.run("run", "--detach", f"--name={made}", publish, *hardened(target), name)
    try:
        yield made
    finally:
        engine.run("rm", "--force", made, check=False)


def check_running(engine: Engine, name: str, target: str) -> None:
    """It becomes healthy, answers, can do no harm, and ends at SIGTERM.

    Raises:
        NotSo: it doesn't.

    """
    if target not in PORTS:
        done = engine.run("run", "--rm", *hardened(target), name, check=False)
        expect(done.returncode == 0, "it ends well", done.stderr)
        return
    with running(engine, name, target) as container:
        started = time.monotonic()
        until(lambda: health(engine, container) == "healthy", "it becomes healthy")
        say(f"healthy after {time.monotonic() - started:.1f} s")
        check_hardening(engine, container)
        if target != "demo":
            _check_labels(_address(engine, container, PORTS[target]))
        _check_end(engine, container)


def health(engine: Engine, container: str) -> str:
    """What the engine thinks of a container's health: starting, healthy, unhealthy; or its end."""
    state = engine.inspect(container)["State"]
    if state["Status"] != "running":
        raise NotSo(f"{container} has ended: {engine.run('logs', container).stderr[-2000:]}")
    found: str = state["Health"]["Status"]
    return found


def until(holds: Callable[[], bool], what: str, within_s: float = HEALTHY_WITHIN_S) -> None:
    """Wait until something holds.

    Raises:
        NotSo: it did not, in time.

    """
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            raise NotSo(f"Not within {within_s:g} s: {what}.")
        time.sleep(0.2)


def check_hardening(engine: Engine, container: str) -> None:
    """What a container may do is in force inside, not just written down.

    Raises:
        NotSo: it isn't.

    """
    status = _status(engine, container)
    expect("0" not in status["Uid"].split(), f"it runs as user {status['Uid'].split()[0]}")
    expect(int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, "without capabilities")
    expect(status["NoNewPrivs"] == "1", "and can gain none")
    limits = engine.inspect(container)["HostConfig"]
    expect(limits["Memory"] > 0 and limits["PidsLimit"] > 0, "its memory and processes are bounded")
    tried = engine.run("exec", container, "sh", "-c", WRITES, check=False).stdout
    read_only = tried.count("Read-only file system")
    places = "/tmp alone" if limits.get("Tmpfs") else "its volumes alone"  # noqa: S108
    as_told = ("wrote" in tried) == bool(limits.get("Tmpfs"))
    expect(read_only >= 2 and as_told, f"it can write to {places}", tried)  # noqa: PLR2004


def _status(engine: Engine, container: str) -> dict[str, str]:
    """Of the first process: what an init before it may, the image's own may."""
    text = engine.run("exec", container, "cat", "/proc/1/status").stdout
    parts = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in parts}


def _address(engine: Engine, container: str, port: int) -> str:
    return engine.run("port", container, str(port)).stdout.split()[0]


def _check_labels(address: str) -> None:
    request = urllib.request.Request(
        f"http://{address}/classify", data=PHOTO.read_bytes(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        named = [one["label"] for one in json.load(answer)["predictions"]]
    expect(len(named) == LABELS, f"a photograph gets {len(named)} labels: {', '.join(named)}")


def _check_end(engine: Engine, container: str) -> None:
    started = time.monotonic()
    engine.run("stop", f"--time={ENDS_WITHIN_S}", container)
    status = engine.inspect(container)["State"]["ExitCode"]
    took = time.monotonic() - started
    expect(status == 0, f"SIGTERM: exit status {status} after {took:.1f} s")
