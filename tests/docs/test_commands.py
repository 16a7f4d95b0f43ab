"""What the documents tell a reader to type works, and shows what they show.

Run for real, in the README and the documents of ``RUN``: every ``curl`` and every Python example,
against a service of its own; in the README every ``booth`` command as well.

Not run for real:

* ``make serve`` and ``make test``: they install a virtual environment, and run this very test.
  ``make`` is asked whether it knows the targets.
* ``docker compose``: it needs an engine, and builds images. The names are looked up in
  docker-compose.yml.
* ``curl``, ``booth`` and ``python -m`` in the other documents: they take downloads, data, root's
  rights or minutes. Commands and options are looked up in ``--help``, modules are found.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.conftest import ROOT
from tests.docs.markdown import Command, commands, documents, mentioned, programs, read
from tests.servers import clean_environment

BOOTH = str(Path(sys.executable).with_name("booth"))
README = commands(read("README.md"))
RUN = ("README.md", "docs/api.md", "docs/integrations/client.md")
SHOWN = [one for document in RUN for one in commands(read(document)) if "curl" in one.line]
PROGRAMS = [one for document in RUN for one in programs(read(document))]
EVERYWHERE = [
    line
    for text in map(read, documents())
    for line in [*(one.line for one in commands(text)), *mentioned(text)]
]
COMPOSE = yaml.safe_load(read("docker-compose.yml"))
ASKS_THE_SERVICE = pytest.mark.xdist_group("docs")  # one worker starts it for all of these
_BEFORE = re.compile(r"^(?:sudo |[A-Z_]+=\S* )*(?:\.venv/bin/)?")
ADDRESS = re.compile(r"(?:localhost|127\.0\.0\.1):8000")


def those(program: str, lines: list[str] | None = None) -> list[str]:
    """The commands that call ``program``, without what stands before it and the pipe behind."""
    stripped = (_BEFORE.sub("", line).split(" | ")[0] for line in lines or EVERYWHERE)
    return sorted({line for line in stripped if line.split()[0] == program})


def run(command: list[str], **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment(**settings),
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


@cache
def help_of(name: str) -> str:
    return run([BOOTH, name, "--help"]).stdout


def test_the_readme_is_short() -> None:
    assert len(read("README.md").splitlines()) <= 110


def test_the_readme_names_the_two_commands_first() -> None:
    assert [one.line for one in README[:2]] == ["make serve", "make test"]


@ASKS_THE_SERVICE
@pytest.mark.parametrize("command", SHOWN, ids=lambda one: one.line)
def test_curl_shows_what_the_document_shows(command: Command, address: str) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not on the path")
    words = shlex.split(ADDRESS.sub(address, command.line))
    assert words[0] == "curl"
    shown = run([*words, "--silent", "--show-error"]).stdout
    assert likeness(json.loads(command.output)) == likeness(json.loads(shown))


def likeness(value: Any) -> Any:
    """What of an answer is the same everywhere: no times, no runtime, confidences to a tenth."""
    match value:
        case dict():
            varies = {"timing_ms", "provider"}
            return {name: name in varies or likeness(one) for name, one in value.items()}
        case list():
            return [likeness(one) for one in value]
        case float():
            return pytest.approx(value, abs=0.1)
    return value


@ASKS_THE_SERVICE
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.line.splitlines()[-1])
def test_python_prints_what_the_document_shows(program: Command, address: str) -> None:
    if find_spec("booth_client") is None:
        pytest.skip("the client is not a package of its own yet")
    assert ADDRESS.search(program.line)
    shown = run([sys.executable, "-c", ADDRESS.sub(address, program.line)]).stdout
    assert shown == program.output


@pytest.mark.parametrize("line", those("booth", [one.line for one in README]))
def test_the_readmes_booth_commands_run(line: str, tmp_path: Path) -> None:
    done = run([BOOTH, *shlex.split(line)[1:]], BOOTH_MODEL_DIR=str(tmp_path))
    assert done.stdout


def test_the_readme_tells_only_what_is_tried() -> None:
    told = {_BEFORE.sub("", one.line).split()[0] for one in README}
    assert told == {"make", "curl", "booth", "docker"}


@pytest.mark.parametrize("line", those("booth"))
def test_a_booth_command_and_its_options_exist(line: str) -> None:
    _, name, *rest = shlex.split(line)
    known = set(re.findall(r"--[a-z][\w-]*", help_of(name)))
    assert {word.split("=")[0] for word in rest if word.startswith("--")} <= known


@pytest.mark.parametrize("line", those("make"))
def test_make_knows_the_target(line: str) -> None:
    run(["make", "--dry-run", *shlex.split(line)[1:]])


@pytest.mark.parametrize("line", those("docker"))
def test_docker_compose_has_what_is_named(line: str) -> None:
    words = shlex.split(line)[1:]
    if words[0] == "build":
        assert words[1:2] == ["--target"]
        for target in words[2:3]:
            assert re.search(rf"^FROM \S+ AS {target}$", read("Dockerfile"), re.MULTILINE)
        return
    assert words[0] == "compose"
    services = COMPOSE["services"]
    profiles = {profile for one in services.values() for profile in one.get("profiles", ())}
    named = {words[i + 1] for i, word in enumerate(words) if word == "--profile"}
    scaled = {words[i + 1].split("=")[0] for i, word in enumerate(words) if word == "--scale"}
    assert named <= profiles
    assert scaled <= set(services)
    if {"run", "exec", "logs", "kill"} & set(words):
        assert set(services) & set(words)


@pytest.mark.parametrize("line", those("python") + those("python3"))
def test_python_finds_the_module(line: str) -> None:
    _, dash_m, module, *_ = shlex.split(line)
    assert dash_m == "-m"
    assert find_spec(module)
