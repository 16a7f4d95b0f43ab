"""Run the Dockerfile without Docker: each step in a clean root, then the container as it would run.

As root, on a Debian or Ubuntu with ``debootstrap``::

    sudo python3 -m deploy.clean_root --target service

The steps are read from the Dockerfile. The result is started as the user that it names, without
capabilities, on a read-only file system with the tmpfs of docker-compose.yml; it has to become
healthy by its own HEALTHCHECK, name five labels to curl, refuse writes, and end with status 0 on
SIGTERM. ``python:3.x-slim`` is imitated by the Debian release that it is built on, whose own
Python has to be of the same minor version.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from deploy.build import Build, StepFailed, say
from deploy.chroot import Jail, Root
from deploy.dockerfile import Context, Stage, read_stages

REPOSITORY = Path(__file__).resolve().parent.parent
PHOTO = REPOSITORY / "tests/photos/coffee.jpg"
LABELS = 5
# The same as `tmpfs` in docker-compose.yml, which a test holds against it.
TMPFS = {
    "service": "size=256m,mode=1777,noexec,nosuid,nodev",
    "gpu": "size=256m,mode=1777,noexec,nosuid,nodev",
    "demo": "size=64m,mode=1777,noexec,nosuid,nodev",
    "export": "size=1g,mode=1777,nosuid,nodev",
}
CUDA_PROVIDER = (
    "/opt/booth/lib/python3.*/site-packages/onnxruntime/capi/libonnxruntime_providers_cuda.so"
)
HEALTHY_WITHIN_S = 120
ENDED_WITHIN_S = 30


class Container:
    """A root as the image of its stage would run: user, entry point and health check are its own.

    Args:
        root: what was built.
        stage: what it was built from.
        models: the folder that stands for the volume of models.

    """

    def __init__(self, root: Root, stage: Stage, models: Path) -> None:
        user = stage.last("USER")
        if user is None:
            raise StepFailed(f"The stage {stage.name} names no USER.")
        uid, _, gid = user.value.partition(":")
        os.chown(models, int(uid), int(gid))
        self._jail = Jail(user.value, TMPFS[stage.name], models)
        self.root = root
        self.health = stage.last("HEALTHCHECK")
        self.words = [*_exec_form(stage, "ENTRYPOINT"), *_exec_form(stage, "CMD")]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, to the end."""
        return self.root.run(list(words), self._jail)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the entry point; it is the first process, as in a container."""
        return subprocess.Popen(self.root.command(self.words, self._jail))

    def wait_healthy(self, process: subprocess.Popen[bytes]) -> float:
        """Seconds until the image's own health check is content."""
        started = time.monotonic()
        words = json.loads(self.health.value.removeprefix("CMD")) if self.health else []
        while self.run(*words).returncode:
            if process.poll() is not None or time.monotonic() - started > HEALTHY_WITHIN_S:
                raise StepFailed("It did not become healthy.")
            time.sleep(0.2)
        return time.monotonic() - started


def _exec_form(stage: Stage, keyword: str) -> list[str]:
    one = stage.last(keyword)
    return (one.exec_form or []) if one else []


def prove(container: Container, target: str) -> None:
    """Start the container, ask it, end it.

    Raises:
        StepFailed: it does not do what an image of Booth has to.

    """
    _check_small(container)
    _check_torch(container, wanted=target == "export")
    if target == "gpu":
        _check_libraries(container)
    if not container.health:
        done = container.run(*container.words)
        _expect(done.returncode == 0, f"`{' '.join(container.words)}` ended well", done.stderr)
        return
    port = _free_port()
    # On the loopback device alone: this network is the machine's, not a container's.
    container.root.env |= {"BOOTH_HOST": "127.0.0.1", "BOOTH_PORT": str(port)}
    container.words = [_near(word) for word in container.words]
    process = container.start()
    try:
        say("healthy by its own HEALTHCHECK", container.wait_healthy(process))
        _check_process(process, container)
        if target in {"service", "gpu"}:
            _check_labels(port)
        _check_end(process)
    finally:
        process.kill()


def _near(word: str) -> str:
    return "127.0.0.1" if word == "0.0.0.0" else word  # noqa: S104 (compared, not bound)


def _check_small(container: Container) -> None:
    done = container.run("sh", "-c", "! command -v cc gcc c++ make; touch /opt/x /etc/x || true")
    _expect("Read-only file system" in done.stderr, "the file system is read-only", done.stderr)
    _expect(not done.stdout, "there is no compiler", done.stdout)


def _check_torch(container: Container, *, wanted: bool) -> None:
    done = container.run("python3", "-c", "import torch, torchvision, onnx, matplotlib")
    found = done.returncode == 0
    _expect(found == wanted, f"torch: {'there' if found else 'not there'}", done.stderr)


def _check_libraries(container: Container) -> None:
    """All that the CUDA provider is linked with is there, but for the driver's own library."""
    done = container.run("sh", "-c", f"ldd {CUDA_PROVIDER}")
    lines = [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]
    _expect("libcublas" in done.stdout and set(lines) <= {"libcuda.so.1"}, f"missing: {lines}")


def _check_process(process: subprocess.Popen[bytes], container: Container) -> None:
    status = _status(_child(process.pid))
    _expect("0" not in status["Uid"].split(), f"it runs as user {status['Uid'].split()[0]}")
    _expect(int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, "without capabilities")
    _expect(status["NoNewPrivs"] == "1", "and can gain none")
    say(f"resident memory {int(status['VmRSS'].split()[0]) // 1024} MB: {container.words}")


def _check_labels(port: int) -> None:
    url = f"http://127.0.0.1:{port}/classify"
    curl = ["curl", "--silent", "--show-error", "--noproxy", "*", "--data-binary", f"@{PHOTO}", url]
    answer = subprocess.run(curl, check=True, capture_output=True, text=True).stdout
    named = [one["label"] for one in json.loads(answer).get("predictions", [])]
    _expect(len(named) == LABELS, f"curl got {len(named)} labels: {', '.join(named)}", answer)


def _check_end(process: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    os.kill(_child(process.pid), 15)
    status = process.wait(ENDED_WITHIN_S)
    _expect(status == 0, f"SIGTERM: status {status} after {time.monotonic() - started:.1f} s")


def _child(pid: int) -> int:
    """The first process in the namespace that ``unshare`` of this pid made."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0])


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _expect(holds: bool, what: str, otherwise: str = "") -> None:
    if not holds:
        raise StepFailed(f"Not so: {what}. {otherwise}")
    say(what)


def size_mb(path: Path) -> float:
    """What the files below a folder add up to, in millions of bytes."""
    done = subprocess.run(
        ["du", "--summarize", "--bytes", path], check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[0]) / 1e6


def main() -> None:
    """Build a target, start it, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--target", default="service", choices=TMPFS)
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/booth-clean-root"))  # noqa: S108 (made for root alone)
    arguments = parser.parse_args()
    if os.geteuid():
        sys.exit("It makes roots and mounts, so it has to run as root.")
    arguments.work.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        _report(arguments.target, arguments.work)
    except StepFailed as failure:
        sys.exit(str(failure))


def _report(target: str, work: Path) -> None:
    stages = read_stages((REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
    root = Build(stages, Context(REPOSITORY), work).root(target)
    say(f"/opt/booth: {size_mb(root.path / 'opt/booth'):.0f} MB")
    models = work / "volume"
    models.mkdir(exist_ok=True)
    prove(Container(root, stages[target], models), target)


if __name__ == "__main__":
    main()
