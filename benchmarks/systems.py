"""The systems that are compared: how each is started, and how it is asked."""

from __future__ import annotations

import contextlib
import http.client
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.environments import python_of
from benchmarks.peers.ports import free_ports
from benchmarks.processes import Tree

__all__ = ["BOOTH", "PEERS", "PLAIN", "Failed", "Server", "System", "choose"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PATIENCE_S = 60.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class System:
    """A server that answers photographs.

    Attributes:
        name: in the table.
        command: its arguments; ``{model}`` and ``{port}`` are replaced.
        environment: variables to add; likewise.
        path: where photographs are posted to.
        headers: of each request, as ``Name: value``.

    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    path: str = "/classify"
    headers: Sequence[str] = ()


BOOTH = System(
    "Booth",
    (sys.executable, "-m", "service", "serve"),
    {"BOOTH_MODELS": "{model}", "BOOTH_PORT": "{port}", "BOOTH_DEMO": "off"},
)


def _peer(name: str, folder: str, python: Path, path: str = "/classify") -> System:
    server = HERE / "peers" / folder / "server.py"
    return System(name, (str(python), str(server), "{model}", "{port}"), path=path)


PLAIN = _peer("plain", "plain", Path(sys.executable))

# By name: the folder in peers/, and where it answers.
PEERS = {
    "granian": ("granian", "/classify"),
    "LitServe": ("litserve", "/classify"),
    "BentoML": ("bentoml", "/classify"),
    "MLServer": ("mlserver", "/classify"),
    "Ray": ("ray", "/classify"),
    "TorchServe": ("torchserve", "/predictions/classify"),
}


def choose(names: Sequence[str], variants: Sequence[str], *, peers: bool) -> list[System]:
    """The systems of these names, or all; then variants.

    Args:
        names: of systems; none for the plain endpoint and Booth.
        variants: a name, then settings, as ``Booth BOOTH_SLOTS=1``.
        peers: whether the peers are among all.

    Raises:
        SystemExit: there is none of that name.

    """
    wanted = names or ["plain", *(PEERS if peers else ()), "Booth"]
    return [*map(_named, wanted), *map(_variant, variants)]


def _named(name: str) -> System:
    known = {PLAIN.name: PLAIN, BOOTH.name: BOOTH}
    if name in known:
        return known[name]
    if name in PEERS:
        folder, path = PEERS[name]
        return _peer(name, folder, python_of(folder), path)
    raise SystemExit(f"There is no system {name!r}; there is: {', '.join([*known, *PEERS])}.")


def _variant(text: str) -> System:
    name, *settings = shlex.split(text)
    base = _named(name)
    added = dict(setting.split("=", 1) for setting in settings)
    return replace(base, name=text, environment={**base.environment, **added})


class Failed(Exception):
    """A server did not start, or did not answer; the sentence has its last words."""


class Server:
    """A system that runs.

    Attributes:
        url: where photographs are posted to.
        tree: its processes.
        start_s: from its start to its first answered photograph.
        answers: to all photographs, once they have been checked.

    """

    def __init__(self, system: System, url: str, tree: Tree, start_s: float) -> None:
        self.system = system
        self.url = url
        self.tree = tree
        self.start_s = start_s
        self.answers: list[str | None] = []

    def post(self, photo: bytes) -> str | None:
        """The body of the answer to one photograph; None if the status is not 200."""
        return _post(self.url, photo, self.system.headers)

    @classmethod
    @contextlib.contextmanager
    def running(cls, system: System, model: Path, photo: bytes) -> Iterator[Server]:
        """A server from its first answer to its end.

        Raises:
            Failed: it ended, or does not answer ``photo`` in three minutes.

        """
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}{system.path}"
        start = time.perf_counter()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                [_filled(part, model, port) for part in system.command],
                cwd=ROOT,
                env=_environment(system, model, port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            tree = Tree(process.pid)
            try:
                while _post(url, photo, system.headers) is None:
                    if process.poll() is not None or time.perf_counter() - start > PATIENCE_S:
                        log.seek(0)
                        raise Failed(f"{system.name} does not answer:\n{log.read()[-3000:]}")
                    time.sleep(POLL_S)
                yield cls(system, url, tree, time.perf_counter() - start)
            finally:
                tree.end()
                process.wait()


def _environment(system: System, model: Path, port: int) -> dict[str, str]:
    added = {name: _filled(value, model, port) for name, value in system.environment.items()}
    return {**os.environ, "PYTHONPATH": str(ROOT), **added}


def _filled(part: str, model: Path, port: int) -> str:
    return part.replace("{model}", str(model)).replace("{port}", str(port))


def _post(url: str, photo: bytes, headers: Sequence[str]) -> str | None:
    _, _, place, path = url.split("/", 3)
    connection = http.client.HTTPConnection(place, timeout=30)
    fields = dict(header.split(": ", 1) for header in headers)
    try:
        connection.request("POST", f"/{path}", photo, {"Content-Type": "image/jpeg", **fields})
        answer = connection.getresponse()
        body = answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if answer.status == http.HTTPStatus.OK else None
