"""Another root folder: where its paths lie, and how a command gets into it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.chroot import Jail, Root


def test_a_path_of_the_root_lies_below_it_and_never_outside(tmp_path: Path) -> None:
    root = Root(tmp_path, cwd="/app")
    assert root.inside("/etc/passwd") == tmp_path / "etc/passwd"
    assert root.inside("main.py") == tmp_path / "app/main.py"
    assert root.inside("../../../etc") == tmp_path / "etc"


def test_a_copy_is_changed_apart(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one/file").write_text("as it was")
    root = Root(tmp_path / "one", {"A": "1"})
    copy = root.copy(tmp_path / "other")
    copy.env["A"] = "2"
    (copy.path / "file").write_text("changed")
    assert root.env == {"A": "1"}
    assert (root.path / "file").read_text() == "as it was"


def test_a_jail_is_read_only_and_powerless_and_another_user_s(tmp_path: Path) -> None:
    root = Root(tmp_path, {"A": "1"})
    free = root.command(["booth"])
    jailed = root.command(["booth"], Jail("10001:10002", "size=1m", tmp_path / "models"))
    assert "setpriv" not in free
    assert {"ro", "size=1m", "--reuid=10001", "--regid=10002", "--no-new-privs"} <= set(jailed)
    assert free[-1] == jailed[-1] == "booth"
    assert "A=1" in free


@pytest.mark.skipif(os.geteuid() != 0, reason="it makes namespaces, which needs root")
def test_a_command_sees_the_root_alone(tmp_path: Path) -> None:
    """A static program is all that this root holds."""
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.skip("there is no busybox, whose one file is a whole root")
    for folder in ("bin", "usr/bin", "proc", "dev"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(busybox, tmp_path / "bin/sh")
    shutil.copy(busybox, tmp_path / "usr/bin/env")
    try:
        done = Root(tmp_path, {"A": "seen"}).run(["/bin/sh", "-c", "echo $A /*"])
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode:
        pytest.skip(f"namespaces can't be made here: {done.stderr}")
    assert done.stdout.split() == ["seen", "/bin", "/dev", "/proc", "/usr"]
    assert subprocess.run(["mountpoint", "-q", tmp_path / "proc"], check=False).returncode != 0
