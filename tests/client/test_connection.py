"""Where a Booth is: what counts as an address, and how it is reached."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from booth_client import AsyncClient, Client, Retry, ServiceUnreachable
from booth_client.connection import Connection


@pytest.mark.parametrize("url", ["unix:/run/booth.sock", "unix:///run/booth.sock"])
def test_a_unix_socket_is_an_address(url: str) -> None:
    connection = Connection.of(url, "secret", 5)
    assert (connection.socket, str(connection.address)) == (
        "/run/booth.sock",
        "http://localhost",
    )
    with connection.client() as http:
        assert http.headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("url", ["unix:", "unix:/", "unix://host/run/booth.sock", "file:/booth"])
def test_what_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write it as http://"):
        Connection.of(url, None, 5)


# httpcore does not close the socket with which it met nobody.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_behind_a_unix_socket_is_told_with_its_path(tmp_path: Path) -> None:
    url, once = f"unix:{tmp_path}/none.sock", Retry(attempts=1)
    with Client(url, retry=once) as booth, pytest.raises(ServiceUnreachable, match=r"none\.sock;"):
        booth.models()

    async def asked() -> bool:
        async with AsyncClient(url, retry=once) as booth:
            return await booth.ready()

    assert not asyncio.run(asked())


def test_the_key_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("secret\n")
    monkeypatch.delenv("BOOTH_API_KEY", raising=False)
    monkeypatch.setenv("BOOTH_API_KEY_FILE", str(file))
    assert Connection.of(None, None, 5).api_key == "secret"
    assert Connection.of(None, "given", 5).api_key == "given"
    file.unlink()
    with pytest.raises(ValueError, match="it must hold the service's key"):
        Connection.of(None, None, 5)


def test_a_transport_of_one_s_own_is_used() -> None:
    own = httpx.MockTransport(lambda _: httpx.Response(204))
    with Connection.of("unix:/run/booth.sock", None, 5).client(own) as http:
        assert http.get("/").status_code == 204
