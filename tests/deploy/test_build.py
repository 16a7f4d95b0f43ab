"""A Dockerfile's steps become root folders: what COPY, ENV and WORKDIR do to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.build import Build, StepFailed
from deploy.chroot import Root
from deploy.dockerfile import Context, read_stages

DOCKERFILE = r"""
FROM base AS first
WORKDIR /app
ENV HOME=/app PATH=/opt/bin:$PATH
COPY one.txt folder ./
FROM base AS second
COPY --from=first /app /copied
"""


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Both stages stand on an empty root: what has to be downloaded is not tried here."""
    context = tmp_path / "context"
    (context / "folder").mkdir(parents=True)
    (context / ".dockerignore").write_text("**/*.secret\n")
    (context / "one.txt").write_text("one")
    (context / "folder/two.txt").write_text("two")
    (context / "folder/key.secret").write_text("secret")
    base = tmp_path / "base"
    base.mkdir()
    (tmp_path / "roots").mkdir()
    monkeypatch.setattr(Build, "_base", lambda _self, _name: Root(base, {"PATH": "/bin"}))
    return Build(read_stages(DOCKERFILE), Context(context), tmp_path / "roots")


def test_a_stage_has_the_files_that_are_copied_and_none_that_are_ignored(build: Build) -> None:
    root = build.root("first")
    found = {path.name for path in root.path.rglob("*") if path.is_file()}
    assert found == {"one.txt", "two.txt"}
    assert (root.path / "app/one.txt").read_text() == "one"


def test_the_environment_is_that_of_the_base_with_what_is_set(build: Build) -> None:
    root = build.root("first")
    assert root.env == {"HOME": "/app", "PATH": "/opt/bin:/bin"}
    assert root.cwd == "/app"


def test_a_stage_takes_from_another_which_is_made_once(build: Build) -> None:
    first, second = build.root("first"), build.root("second")
    assert build.root("first") is first
    assert (second.path / "copied/one.txt").read_text() == "one"
    assert not (second.path / "app").exists()


def test_what_the_context_has_nothing_of_can_not_be_copied(tmp_path: Path, build: Build) -> None:
    del build
    context = Context(tmp_path / "context")
    stages = read_stages("FROM base AS only\nCOPY folder/key.secret /\n")
    with pytest.raises(StepFailed, match=r"COPY folder/key.secret: \.dockerignore leaves nothing"):
        Build(stages, context, tmp_path / "roots").root("only")
