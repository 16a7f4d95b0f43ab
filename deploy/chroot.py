"""A command in another root folder, as a container would run it: namespaces of its own, and on
demand an unprivileged user, a read-only file system, and no capabilities. Linux, as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Jail", "Root"]

# Given: the root, "ro" or "rw", tmpfs options of /tmp, a folder for /models,
# the command. In its own mount namespace, so that nothing is left behind.
MOUNT = """
set -eu
root=$1 mode=$2 tmp=$3 models=$4; shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
if [ "$mode" = ro ]; then
    mount -o remount,bind,ro "$root"
    mount -t tmpfs -o "$tmp" tmpfs "$root/tmp"
    mount --bind "$models" "$root/models"
fi
cd "$root"
exec chroot "$root" /usr/bin/env -i "$@"
"""

# What `cap_drop: [ALL]` and `no-new-privileges` come to.
POWERLESS = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


@dataclass(frozen=True)
class Jail:
    """What a container may: nothing but write to ``/tmp`` and to the volume at ``/models``.

    Args:
        user: number of the user and number of the group, ``10001:10001``.
        tmpfs: mount options of ``/tmp``.
        models: the folder that stands for the volume.

    """

    user: str
    tmpfs: str
    models: Path


@dataclass
class Root:
    """A root folder, and the environment and working folder that commands in it get."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"

    def copy(self, path: Path) -> Root:
        """The same in another folder, to be changed apart."""
        shutil.rmtree(path, ignore_errors=True)
        subprocess.run(["cp", "--archive", self.path, path], check=True)
        return Root(path, dict(self.env), self.cwd)

    def inside(self, path: str) -> Path:
        """Where a path of this root lies on the machine; relative ones count from ``cwd``."""
        return self.path / os.path.normpath(Path(self.cwd, path)).lstrip("/")

    def command(self, words: list[str], jail: Jail | None = None) -> list[str]:
        """The command line that runs ``words`` in here: as root, or in a jail."""
        space = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"]
        mode = ["ro", jail.tmpfs, str(jail.models)] if jail else ["rw", "", ""]
        env = [f"{name}={value}" for name, value in self.env.items()]
        step = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', self.cwd, *words]
        return [
            *space,
            *("/bin/sh", "-c", MOUNT, "mount", str(self.path), *mode, *env),
            *(_as(jail.user) if jail else []),
            *step,
        ]

    def run(self, words: list[str], jail: Jail | None = None) -> subprocess.CompletedProcess[str]:
        """Run to the end; what it printed is in the result."""
        return subprocess.run(
            self.command(words, jail), check=False, capture_output=True, text=True
        )


def _as(user: str) -> list[str]:
    uid, _, gid = user.partition(":")
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", *POWERLESS]
