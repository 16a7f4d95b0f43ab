"""Resolving for other platforms, against wheels that are made here."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

from deploy import platforms as module
from deploy.platforms import Installation, installations, main, resolve_all
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
X86, ARM, MACOS = module.PLATFORMS


def write_wheel(folder: Path, name: str, tags: str, *needed: str) -> None:
    """A wheel without content."""
    with zipfile.ZipFile(folder / f"{name}-1.0-{tags}.whl", "w") as wheel:
        info = f"{name}-1.0.dist-info"
        needs = "".join(f"Requires-Dist: {one}\n" for one in needed)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}"
        )
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two packages: one runs anywhere and needs the other, which has no wheel for Linux on ARM."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    (tmp_path / "constraints.txt").write_text("solid==1.0\nfragile==1.0\n")
    write_wheel(tmp_path, "solid", "py3-none-any", "fragile; platform_machine != 'riscv64'")
    write_wheel(tmp_path, "fragile", "cp311-cp311-manylinux_2_28_x86_64")
    write_wheel(tmp_path, "fragile", "cp311-cp311-macosx_14_0_arm64")
    return ["--no-index", f"--find-links={tmp_path}"]


def on(*platforms: str, needed: str = "solid", python: str = "3.11") -> list[Installation]:
    return [Installation("all", (needed,), platform, python) for platform in platforms]


def resolved(folder: Path, wanted: list[Installation], arguments: list[str]) -> tuple[int, str]:
    return resolve_all(wanted, folder / "constraints.txt", arguments)


def test_what_has_wheels_resolves(tmp_path: Path, wheels: list[str]) -> None:
    assert resolved(tmp_path, on(X86, MACOS), wheels) == (
        0,
        f"platforms: everything has wheels for {MACOS}, {X86}",
    )


def test_what_has_none_is_named_with_its_platform(tmp_path: Path, wheels: list[str]) -> None:
    status, told = resolved(tmp_path, [*on(X86, ARM), *on(X86, python="3.13")], wheels)
    first, second = told.splitlines()
    assert status == 1
    assert first.startswith(f"platforms: all on {ARM}, Python 3.11: ")
    assert second.startswith(f"platforms: all on {X86}, Python 3.13: ")
    assert "`fragile` (v1.0)" in first


def test_a_marker_holds_for_the_other_platform(tmp_path: Path, wheels: list[str]) -> None:
    needed = "fragile; platform_machine != 'aarch64'"
    assert resolved(tmp_path, on(ARM, needed=needed), wheels)[0] == 0


def test_without_an_index_one_line_says_so(
    tmp_path: Path, wheels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del wheels
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    told = "platforms: not done, for the package index can't be reached"
    assert resolved(tmp_path, on(X86), []) == (0, told)


def test_an_index_that_takes_for_ever_is_not_waited_for(
    tmp_path: Path, wheels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT_S", 0.001)
    told = "platforms: not done, for the package index took more than 0.001 s"
    assert resolved(tmp_path, on(X86), wheels) == (0, told)


def test_booth_promises_each_platform_all_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    made = list(installations(project))
    assert {one.platform for one in made} == {X86, ARM, MACOS}
    assert {one.python for one in made} == {"3.11", "3.13"}
    named = [" ".join(one.requirements) for one in made]
    assert all("onnxruntime" in one and "gradio" in one and "torch" in one for one in named)
    assert sum("cykooz" in one and "openvino" in one for one in named) == 3
    assert not any("onnxruntime-gpu" in one for one in named)


def test_what_make_installs_is_resolved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    def note(wanted: list[Installation], pins: Path, arguments: list[str]) -> tuple[int, str]:
        asked.extend((len(wanted), pins.name, arguments))
        return 3, "told"

    monkeypatch.setattr(module, "resolve_all", note)
    assert main(["--offline"]) == 3
    assert asked == [6, "constraints.txt", ["--offline"]]
    assert capsys.readouterr().out == "told\n"
