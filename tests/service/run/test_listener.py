"""Where the service listens: both kinds of addresses, and Unix sockets from start to end."""

from __future__ import annotations

import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from booth_client import Client, Retry
from service.run.listener import listen
from service.settings import BadSettings, read_settings
from tests.servers import clean_environment, started
from tests.service.asking import RED
from tests.waiting import eventually


def listening(**settings: object) -> Any:
    return listen(read_settings({f"BOOTH_{name.upper()}": str(v) for name, v in settings.items()}))


def test_all_addresses_are_those_of_ipv4_too() -> None:
    try:
        listener = listening(host="::", port=0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener.socket:
        port = listener.socket.getsockname()[1]
        assert listener.where == f"http://[::]:{port}"
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=5).close()


def test_an_address_is_told_as_it_is_asked_for() -> None:
    listener = listening(port=0)
    with listener.socket:
        assert listener.where == f"http://127.0.0.1:{listener.socket.getsockname()[1]}"


@pytest.mark.parametrize(("mode", "bits"), [("660", 0o660), ("0666", 0o666)])
def test_a_unix_socket_has_its_mode_and_goes_at_the_end(
    tmp_path: Path, mode: str, bits: int
) -> None:
    path = tmp_path / "booth.sock"
    listener = listening(uds=path, uds_mode=mode)
    with listener.socket:
        assert listener.where == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == bits
    listener.close()
    assert not path.exists()


def test_a_stale_socket_makes_room_and_a_live_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "booth.sock"
    listening(uds=path).socket.close()  # as after SIGKILL
    second = listening(uds=path)
    with second.socket, pytest.raises(OSError, match="somebody listens there"):
        listening(uds=path)


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "booth.sock"
    path.write_text("precious")
    with pytest.raises(OSError, match="there is a file that is no socket"):
        listening(uds=path)
    assert path.read_text() == "precious"


def test_the_end_leaves_a_socket_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "booth.sock"
    first = listening(uds=path)
    first.socket.close()
    second = listening(uds=path)
    first.close()
    with second.socket:
        assert path.exists()
    second.close()
    second.close()
    assert not path.exists()


@pytest.mark.parametrize("mode", ["rw", "888", "7777", ""])
def test_a_mode_that_is_none_is_refused(mode: str) -> None:
    with pytest.raises(BadSettings, match="BOOTH_UDS_MODE"):
        read_settings({"BOOTH_UDS_MODE": mode})


def test_a_service_answers_on_a_unix_socket_until_it_ends(tmp_path: Path, tiny: Path) -> None:
    path, log, file = tmp_path / "booth.sock", tmp_path / "log", tmp_path / "booth.env"
    file.write_text(
        f"# all of it\nBOOTH_UDS='{path}'\nBOOTH_MODELS={tiny}\nBOOTH_DEMO=off\n"
        "BOOTH_DRAIN_MS=0\nBOOTH_TRUSTED_PROXIES=unix\nBOOTH_RATE_LIMIT_PER_MINUTE=2\n"
        "export BOOTH_LOG_LEVEL=warning\n"
    )
    command = [sys.executable, "-m", "service", "serve"]
    with (
        started(command, log, clean_environment(BOOTH_ENV_FILE=str(file))) as process,
        Client(f"unix:{path}", retry=Retry(attempts=1)) as booth,
        httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as http,
    ):
        eventually(path.exists, within_s=60)  # httpcore leaks a socket that finds nobody
        eventually(booth.ready, within_s=60)
        assert booth.classify(RED).model == "tiny"
        assert curl(path) in ("alive\n", None)

        def ask(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            return http.post("http://booth/classify", content=RED, headers=headers).status_code

        assert [ask("10.0.0.1") for _ in range(3)] == [200, 200, 429]
        assert ask("10.0.0.2") == 200
        process.terminate()
        assert process.wait(15) == 0
    assert not path.exists()
    assert "listening" not in log.read_text()


def curl(path: Path) -> str | None:
    """What curl prints of ``/livez``; None where there is no curl."""
    if not shutil.which("curl"):
        return None
    command = ["curl", "--silent", "--fail", "--unix-socket", str(path), "http://localhost/livez"]
    return subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
