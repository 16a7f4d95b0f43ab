"""The audit of the packages, against a stand-in for the service that knows vulnerabilities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy import audit as module
from deploy.audit import audit, main
from tests.servers import free_port, on_a_thread

VULNERABLE = {
    "vulns": [
        {
            "id": "PYSEC-1",
            "summary": "It can be made to fall.",
            "affected": [
                {
                    "package": {"name": "fragile", "ecosystem": "PyPI"},
                    "ranges": [
                        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}
                    ],
                }
            ],
        }
    ]
}


class Advisories(BaseHTTPRequestHandler):
    """Speaks as OSV does: it knows one package with a vulnerability."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = asked["package"]["name"]
        content = json.dumps(VULNERABLE if name == "fragile" else {}).encode()
        self.send_response(500 if name == "unlucky" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Not into the tests' output."""


@pytest.fixture
def stand_in() -> Iterator[list[str]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server, on_a_thread(server):
        yield ["--vulnerability-service=osv", f"--osv-url=http://127.0.0.1:{server.server_port}"]


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    file = tmp_path / "constraints.txt"
    file.write_text("# pinned\nsolid==2.0\n")
    return file


def test_packages_without_a_known_vulnerability_pass(pins: Path, stand_in: list[str]) -> None:
    assert audit(pins, stand_in) == (0, "audit: no known vulnerability in 1 packages")


def test_a_known_vulnerability_fails_and_is_named(pins: Path, stand_in: list[str]) -> None:
    pins.write_text("solid==2.0\nfragile==1.0\n", encoding="utf-8")
    assert audit(pins, stand_in) == (1, "audit: fragile 1.0: PYSEC-1, fixed in: 1.1")


@pytest.mark.parametrize("pinned", ["solid==2.0", "unlucky==1.0"])
def test_without_the_service_one_line_says_so(pins: Path, stand_in: list[str], pinned: str) -> None:
    if pinned == "solid==2.0":
        stand_in[1] = f"--osv-url=http://127.0.0.1:{free_port()}"
    pins.write_text(pinned, encoding="utf-8")
    assert audit(pins, stand_in) == (
        0,
        "audit: not done, for the advisory service can't be reached",
    )


def test_a_service_that_takes_for_ever_is_not_waited_for(pins: Path) -> None:
    status, told = audit(pins, limit_s=0.01)
    assert status == 0
    assert told == "audit: not done, for the advisory service took more than 0.01 s"


def test_a_service_that_knows_nothing_is_no_audit() -> None:
    unknown = {"name": "solid", "skip_reason": "not found"}
    known = {"name": "other", "version": "1", "vulns": []}
    assert module._result([unknown])[1].endswith("knows none of the packages")
    assert module._result([unknown, known])[1].endswith("1 packages; it knows nothing of solid")


def test_a_fault_of_the_audit_itself_fails(tmp_path: Path) -> None:
    status, told = audit(tmp_path / "none.txt")
    assert status == 1
    assert "pip-audit failed" in told


def test_what_make_installs_is_audited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audited: list[object] = []

    def note(pins: Path, arguments: list[str]) -> tuple[int, str]:
        audited.extend((pins.name, arguments))
        return 3, "told"

    monkeypatch.setattr(module, "audit", note)
    assert main(["--strict"]) == 3
    assert audited == ["constraints.txt", ["--strict"]]
    assert capsys.readouterr().out == "told\n"
