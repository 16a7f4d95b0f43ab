from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from service.settings import read_settings
from tests.deploy.dockerfile import STAGES, Instruction, Stage

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("service", "gpu", "demo", "export")
SERVING = ("service", "gpu")


def line_of(target: str) -> list[Stage]:
    """The stage and all that it is built upon."""
    stage = STAGES[target]
    return [stage, *(line_of(stage.base) if stage.base in STAGES else [])]


def instructions(target: str, keyword: str) -> list[Instruction]:
    return [
        one
        for stage in reversed(line_of(target))
        for one in stage.instructions
        if one.keyword == keyword
    ]


def environment(target: str) -> dict[str, str]:
    return {name: v for one in instructions(target, "ENV") for name, v in one.pairs.items()}


def test_what_is_copied_is_there() -> None:
    copies = [
        one for stage in STAGES.values() for one in stage.instructions if one.keyword == "COPY"
    ]
    assert {one.flags["from"] for one in copies if "from" in one.flags} <= set(STAGES)
    sources = [source for one in copies if "from" not in one.flags for source in one.words[:-1]]
    assert len(sources) > len(STAGES)
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_every_package_of_the_wheel_is_copied() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {one.words[0] for one in instructions("code", "COPY")} >= set(packages)


def test_without_a_target_the_service_is_built() -> None:
    assert list(STAGES)[-1] == "service"


def test_base_images_are_pinned() -> None:
    bases = {stage.base for stage in STAGES.values()} - set(STAGES)
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base) for base in bases)


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_a_numbered_user_that_is_not_root(target: str) -> None:
    user = STAGES[target].last("USER")
    assert user
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user.value)


@pytest.mark.parametrize("target", TARGETS)
def test_signals_reach_the_process(target: str) -> None:
    entry, command = STAGES[target].last("ENTRYPOINT"), STAGES[target].last("CMD")
    assert entry
    assert command
    assert entry.exec_form
    assert command.exec_form


@pytest.mark.parametrize("target", ["service", "gpu", "demo"])
def test_what_serves_has_a_health_check_that_needs_no_shell(target: str) -> None:
    check = STAGES[target].last("HEALTHCHECK")
    assert check
    assert check.value.startswith('CMD ["python3", "-IS", "/opt/booth/bin/healthy.py"')


@pytest.mark.parametrize("target", SERVING)
def test_the_service_accepts_the_settings_of_its_image(target: str) -> None:
    settings = read_settings(environment(target))
    assert str(settings.model_dir) == "/models"
    assert settings.log == "json"
    assert settings.demo is False


@pytest.mark.parametrize("target", TARGETS)
def test_freed_memory_goes_back_to_the_machine(target: str) -> None:
    assert int(environment(target)["MALLOC_MMAP_THRESHOLD_"]) == 1 << 20


def test_what_is_installed_is_pinned() -> None:
    installs = [
        step
        for stage in STAGES.values()
        for one in stage.instructions
        if one.keyword == "RUN"
        for step in one.value.split("&&")
        if re.search(r"\bpip\b.* install ", step)
    ]
    assert sum("--requirement" in step for step in installs) == len(TARGETS) + 1  # and OpenVINO
    assert all("--constraint constraints.txt" in s or "--no-deps" in s for s in installs)


@pytest.mark.parametrize("target", TARGETS)
def test_no_image_installs_a_compiler(target: str) -> None:
    steps = " ".join(one.value for one in instructions(target, "RUN"))
    assert not re.search(r"\b(apt|apt-get|gcc|build-essential)\b", steps)


def test_what_serves_can_speak_grpc_and_send_traces() -> None:
    steps = " ".join(one.value for one in instructions("venv-service", "RUN"))
    assert "requirements.py fast grpc repository tracing ${HEIC} >> serving.txt" in steps


def test_serving_takes_nothing_of_the_stages_with_torch() -> None:
    taken = {one.flags.get("from") for one in instructions("service", "COPY")}
    assert taken == {"venv-cpu", "code"}
    assert STAGES["venv-cpu"].base == "venv-service"


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint")
    if not hadolint:
        pytest.skip("hadolint is not on the path")
    done = subprocess.run(
        [hadolint, "--failure-threshold=style", ROOT / "Dockerfile"],
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "")
