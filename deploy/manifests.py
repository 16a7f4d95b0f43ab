"""Write the manifests for kustomize from the Helm chart, which is their one source.

``python3 -m deploy.manifests``, with Helm on the path. The chart's defaults become
``deploy/kubernetes/kustomize/base``. Each file of values in ``deploy/kubernetes/variants``, and the
chart's own for GPUs, becomes a component: what the chart then renders beside the base, and patches
of what it renders differently.
"""

from __future__ import annotations

import shutil
import subprocess
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

__all__ = ["CHART", "KUSTOMIZE", "difference", "manifests", "render", "variants"]

FOLDER = Path(__file__).resolve().parent / "kubernetes"
CHART = FOLDER / "booth"
KUSTOMIZE = FOLDER / "kustomize"
SETTINGS = "booth"  # the ConfigMap that kustomize makes anew under each content's own name

# By what kustomize tells the items of a list apart; it replaces other lists as a whole.
MERGE_KEYS = {
    "containers": ("name",),
    "env": ("name",),
    "ports": ("containerPort", "port"),  # of a container, of a Service
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
}

Manifest = dict[str, Any]
Files = dict[str, str]


def variants() -> dict[str, Path]:
    """The components: their names, and the values that each stands for."""
    found = {path.stem: path for path in sorted((FOLDER / "variants").glob("*.yaml"))}
    return {**found, "gpu": CHART / "values-gpu.yaml"}


def render(helm: str, *arguments: str, marks: bool = False) -> list[Manifest]:
    """What the chart renders as the release ``booth``; without Helm's own marks, unless wanted."""
    command = [helm, "template", "booth", str(CHART), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=60)
    documents = [one for one in yaml.safe_load_all(done.stdout) if one]
    return documents if marks else [_without_marks(one) for one in documents]


def manifests(helm: str) -> Files:
    """The files that are made, by their paths in the folder ``kustomize``."""
    base = render(helm)
    files = {f"base/{path}": text for path, text in _base(base).items()}
    for name, values in variants().items():
        made = _component(base, render(helm, "--values", str(values)), _comment(values))
        files |= {f"components/{name}/{path}": text for path, text in made.items()}
    return files


def difference(base: Any, wanted: Any, key: str = "") -> Any:
    """The patch that makes ``wanted`` of ``base``; of dictionaries and named items what differs."""
    if isinstance(base, dict) and isinstance(wanted, dict):
        parts = ((name, base.get(name), wanted[name]) for name in wanted)
        return {name: difference(old, new, name) for name, old, new in parts if old != new}
    if key not in MERGE_KEYS or not isinstance(base, list):
        return wanted
    merged_by = next(name for name in MERGE_KEYS[key] if name in wanted[0])
    old_items = {item[merged_by]: item for item in base}
    changed = [item for item in wanted if item != old_items.get(item[merged_by])]
    return [
        {merged_by: item[merged_by], **difference(old_items.get(item[merged_by], {}), item)}
        for item in changed
    ]


def _without_marks(manifest: Manifest) -> Manifest:
    """Without what is true of a release of Helm's alone."""
    for metadata in (manifest["metadata"], _at(manifest, "spec", "template", "metadata")):
        metadata.get("labels", {}).pop("app.kubernetes.io/managed-by", None)
        annotations = metadata.pop("annotations", {})
        if kept := {k: v for k, v in annotations.items() if not k.startswith("checksum/")}:
            metadata["annotations"] = kept
    return manifest


def _at(manifest: Manifest, *path: str) -> Manifest:
    for name in path:
        manifest = manifest.get(name, {})
    return manifest


def _base(documents: list[Manifest]) -> Files:
    resources = {_file(one): _written(one) for one in documents if one["kind"] != "ConfigMap"}
    (settings,) = (one for one in documents if one["kind"] == "ConfigMap")
    return {
        **resources,
        "settings.env": "".join(f"{name}={text}\n" for name, text in settings["data"].items()),
        "kustomization.yaml": _written(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": sorted(resources),
                "configMapGenerator": [
                    {
                        "name": SETTINGS,
                        "envs": ["settings.env"],
                        "options": {"labels": settings["metadata"]["labels"]},
                    }
                ],
            }
        ),
    }


def _component(base: list[Manifest], wanted: list[Manifest], comment: str) -> Files:
    """A component that makes ``wanted`` of ``base``: new resources, and a patch for each other."""
    before = {_identity(one): one for one in base}
    new = {_file(one): one for one in wanted if _identity(one) not in before}
    patches = {
        f"patch-{_file(one)}": {**_head(one), **difference(before[_identity(one)], one)}
        for one in wanted
        if one["kind"] != "ConfigMap" and one != before.get(_identity(one), one)
    }
    settings = difference(_settings(base), _settings(wanted))
    kustomization: Manifest = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
    }
    if new:
        kustomization["resources"] = sorted(new)
    if patches:
        kustomization["patches"] = [{"path": name} for name in sorted(patches)]
    if settings:
        literals = [f"{name}={text}" for name, text in settings.items()]
        generator = {"name": SETTINGS, "behavior": "merge", "literals": literals}
        kustomization["configMapGenerator"] = [generator]
    files = {name: _written(one) for name, one in {**new, **patches}.items()}
    return {**files, "kustomization.yaml": comment + _written(kustomization)}


def _settings(documents: list[Manifest]) -> dict[str, str]:
    (found,) = (one["data"] for one in documents if one["kind"] == "ConfigMap")
    return dict(found)


def _identity(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _head(manifest: Manifest) -> Manifest:
    """What kustomize finds the resource by that a patch is for."""
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "metadata": {"name": manifest["metadata"]["name"]},
    }


def _file(manifest: Manifest) -> str:
    kind, name = _identity(manifest)
    return f"{kind.lower()}{name.removeprefix('booth')}.yaml"


def _comment(values: Path) -> str:
    """What the values say of themselves, above all of them."""
    lines = values.read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in takewhile(lambda line: line.startswith("#"), lines))


def _written(manifest: Manifest) -> str:
    return str(yaml.safe_dump(manifest, sort_keys=False, width=100))


def main() -> None:
    """Write the files anew."""
    helm = shutil.which("helm")
    if not helm:
        raise SystemExit("helm is not on the path.")
    files = manifests(helm)
    for part in ("base", "components"):
        shutil.rmtree(KUSTOMIZE / part, ignore_errors=True)
    for name, text in files.items():
        path = KUSTOMIZE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
