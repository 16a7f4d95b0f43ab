"""The pinned packages, held against the known vulnerabilities with pip-audit.

Where the service that knows them can't be reached, one line says so, and that is no failure.
``python -m deploy.audit``; further arguments are pip-audit's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

__all__ = ["audit", "main"]

PINS = Path(__file__).resolve().parents[1] / "constraints.txt"
LIMIT_S = 120  # it asks for one package after the other
CONNECTION_TIMEOUT_S = 10
# What pip-audit's standard error holds if the other side doesn't answer, or not as it should.
UNREACHABLE = ("requests.exceptions.", "Could not connect", "not redirecting", "ServiceError")


def audit(pins: Path, arguments: Sequence[str] = (), limit_s: float = LIMIT_S) -> tuple[int, str]:
    """Audit a file of pinned packages; the exit status, and what there is to say."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        try:
            done = _run_pip_audit(pins, report, arguments, limit_s)
        except subprocess.TimeoutExpired:
            return 0, f"audit: not done, for the advisory service took more than {limit_s:g} s"
        if report.exists():
            return _result(json.loads(report.read_text(encoding="utf-8"))["dependencies"])
    if any(sign in done.stderr for sign in UNREACHABLE):
        return 0, "audit: not done, for the advisory service can't be reached"
    return 1, f"audit: pip-audit failed with {done.returncode}:\n{done.stderr}"


def _run_pip_audit(
    pins: Path, report: Path, arguments: Sequence[str], limit_s: float
) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "pip_audit", "--progress-spinner=off"),
        *(f"--requirement={pins}", "--no-deps", "--disable-pip"),
        *(f"--timeout={CONNECTION_TIMEOUT_S}", "--format=json", f"--output={report}", *arguments),
    ]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=limit_s, check=False
    )


def _result(packages: list[dict[str, Any]]) -> tuple[int, str]:
    audited = [one for one in packages if "vulns" in one]
    unknown = ", ".join(one["name"] for one in packages if "vulns" not in one)
    if packages and not audited:
        return 0, "audit: not done, for the advisory service knows none of the packages"
    if found := [_vulnerability(one, known) for one in audited for known in one["vulns"]]:
        return 1, "\n".join(found)
    rest = f"; it knows nothing of {unknown}" if unknown else ""
    return 0, f"audit: no known vulnerability in {len(audited)} packages{rest}"


def _vulnerability(package: dict[str, Any], known: dict[str, Any]) -> str:
    fixed = ", ".join(known["fix_versions"]) or "none yet"
    return f"audit: {package['name']} {package['version']}: {known['id']}, fixed in: {fixed}"


def main(arguments: Sequence[str]) -> int:
    """Audit what ``make`` installs."""
    status, told = audit(PINS, arguments)
    print(told)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
