"""Prove the images with a Docker Engine: build each, run it, and bring the compose file up.

    python -m deploy.images                      # service and demo, and docker-compose.yml
    python -m deploy.images --targets export     # one image alone

What stands behind ``--`` goes to ``docker build``: ``-- --network=host``. Without an engine it says
so and ends with status 3. Grafana's and Prometheus' images are pulled by the engine if they can be.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from deploy.images.compose import check_compose
from deploy.images.container import check_running
from deploy.images.engine import Engine, NotSo
from deploy.images.image import TARGETS, build, check_context, check_image

NO_ENGINE = 3
DOCKERFILE = Path(__file__).resolve().parents[2] / "Dockerfile"


def main() -> None:
    """Build, run and look; end with 1 at the first thing that does not hold."""
    parser = argparse.ArgumentParser(prog="deploy.images", description=__doc__.splitlines()[0])
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=["service", "demo"])
    parser.add_argument("--program", default="docker", help="command line of the engine")
    parser.add_argument("options", nargs="*", help="of `docker build`, behind --")
    given = parser.parse_args()
    engine = Engine(given.program)
    if missing := engine.missing():
        print(missing, file=sys.stderr)
        sys.exit(NO_ENGINE)
    try:
        prove(engine, given.targets, given.options)
    except (NotSo, subprocess.TimeoutExpired) as failure:
        sys.exit(str(failure))


def prove(engine: Engine, targets: list[str], options: list[str]) -> None:
    """All that is promised of these images; and of the compose file, where they are what it needs.

    Raises:
        NotSo: something does not hold.
        subprocess.TimeoutExpired: a command of the engine took too long.

    """
    base = base_image(DOCKERFILE.read_text(encoding="utf-8"))
    check_context(engine, base, options)
    for target in targets:
        name = build(engine, target, options)
        check_image(engine, name, target, base)
        if target != "gpu":  # whose network needs a GPU
            check_running(engine, name, target)
    if {"service", "demo"} <= set(targets):
        check_compose(engine)


def base_image(dockerfile: str) -> str:
    """The image that all of ours stand on: ``python:3.13-slim-trixie``."""
    found = re.search(r"^ARG PYTHON=(\S+)$", dockerfile, re.MULTILINE)
    if not found:
        raise NotSo("The Dockerfile names no ARG PYTHON with a default.")
    return f"python:{found[1]}"


if __name__ == "__main__":
    main()
