from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.images.container import hardened
from service.settings import Settings, read_settings
from tests.deploy.dockerfile import STAGES
from tests.foreign import parts_of_wheels

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, one in SERVICES.items() if "build" in one]
FOREIGN = [name for name, one in SERVICES.items() if "image" in one]
BOOTHS = ["service", "service-gpu"]
LASTING = [name for name in SERVICES if name != "export"]
UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}

# Of `podman create` of Podman 4.3, what such a file becomes.
FLAGS_OF_PODMAN_4_3 = {
    *("--cap-drop", "--cpus", "--device", "--init", "--label", "--log-driver", "--log-opt"),
    *("--mount", "--name", "--network", "--pids-limit", "--pod", "--read-only", "--restart"),
    *("--security-opt", "--tmpfs", "-e", "-m", "-p", "-u", "-v"),
    *(f"--health-{word}" for word in ("cmd", "interval", "retries", "start-period", "timeout")),
}
PODMAN = """#!/bin/sh
printf '%s\\n' "$*" >> "$RECORD"
case "$1" in --version) echo podman version 4.3.1;; ps) echo '[]';; esac
"""

every_service = pytest.mark.parametrize("name", SERVICES)


def default(text: str) -> str:
    """The text with the defaults of its ``${NAME:-default}``."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def in_bytes(size: str) -> int:
    return int(size[:-1]) * UNITS[size[-1]]


def tmpfs_of(name: str) -> dict[str, str]:
    """The options of each tmpfs, by where it is mounted."""
    parts = (mount.partition(":") for mount in SERVICES[name].get("tmpfs", []))
    return {path: options for path, _, options in parts}


def test_there_is_all_that_an_operator_takes() -> None:
    assert set(SERVICES) == {*BOOTHS, "demo", "export", "prometheus", "grafana"}


@every_service
def test_a_container_can_do_no_harm(name: str) -> None:
    one = SERVICES[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert "cap_add" not in one
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", one["user"])
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(one)


@every_service
def test_a_container_is_limited(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert float(default(limits["cpus"])) > 0
    assert in_bytes(default(limits["memory"])) >= 2**29
    assert limits["pids"] > 0


@every_service
def test_a_container_does_not_fill_the_disk_with_logs(name: str) -> None:
    assert {"max-size", "max-file"} <= set(SERVICES[name]["logging"]["options"])


@every_service
def test_a_tmpfs_is_bounded_and_lends_no_rights(name: str) -> None:
    memory = in_bytes(default(SERVICES[name]["deploy"]["resources"]["limits"]["memory"]))
    for options in tmpfs_of(name).values():
        words = options.split(",")
        assert {"nosuid", "nodev"} <= set(words)
        size = in_bytes(words[0].removeprefix("size="))
        assert size < memory


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_images_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", OURS)
def test_our_images_are_built_from_targets_of_the_dockerfile(name: str) -> None:
    build = SERVICES[name]["build"]
    user = STAGES[build["target"]].last("USER")
    assert build["context"] == "."
    assert user
    assert SERVICES[name]["user"] == user.value


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_watched_without_curl_and_restarted(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert check["test"][1] in {"python3", "promtool", "wget"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", [*BOOTHS, "demo"])
def test_the_health_check_is_the_image_s_own(name: str) -> None:
    check = STAGES[SERVICES[name]["build"]["target"]].last("HEALTHCHECK")
    assert check
    words = re.findall(r'"([^"]+)"', check.value)
    assert SERVICES[name]["healthcheck"]["test"] == ["CMD", *words]


def test_only_what_people_call_is_published_and_on_this_machine_alone() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert set(published) == {*BOOTHS, "demo", "grafana"}
    ports = [default(port) for ports in published.values() for port in ports]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_metrics_have_no_way_out() -> None:
    assert COMPOSE["networks"]["watch"] == {"internal": True}
    assert SERVICES["prometheus"]["networks"] == ["watch"]


@pytest.mark.parametrize("name", BOOTHS)
def test_the_end_waits_for_what_was_accepted(name: str) -> None:
    seconds = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert seconds * 1000 > Settings.model_fields["grace_ms"].default


@pytest.mark.parametrize("name", BOOTHS)
def test_the_service_answers_to_one_name_whatever_it_runs_on(name: str) -> None:
    for network in ("front", "watch"):
        assert SERVICES[name]["networks"][network]["aliases"] == ["service"]
    assert SERVICES["demo"]["environment"]["BOOTH_URL"] == "http://service:8000"


def test_prometheus_looks_for_the_service_by_that_name() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    (job,) = (job for job in config["scrape_configs"] if job["job_name"] == "booth")
    assert [(one["names"], one["port"]) for one in job["dns_sd_configs"]] == [(["service"], 8000)]


def test_the_service_reads_the_models_that_the_export_writes() -> None:
    read, compiled = SERVICES["service"]["volumes"]
    (written,) = SERVICES["export"]["volumes"]
    assert read == {**written, "read_only": True}
    assert written["target"] == "/models"
    assert compiled["target"] == "/cache"


@pytest.mark.parametrize("name", BOOTHS)
def test_the_service_believes_the_page_and_no_other_container(name: str) -> None:
    """Else all visitors of the page would count as one client, or any container as anybody."""
    page = default(SERVICES["demo"]["networks"]["front"]["ipv4_address"])
    (front,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    subnet, others = (ip_network(default(front[part])) for part in ("subnet", "ip_range"))
    assert ip_address(page) in subnet
    assert ip_address(page) not in others
    variables = {key: default(value) for key, value in SERVICES[name]["environment"].items()}
    assert read_settings(variables).trusted_proxies == (page,)


@pytest.mark.parametrize("name", OURS)
def test_the_images_are_proved_with_the_same_tmpfs(name: str) -> None:
    proved = [one for one in hardened(SERVICES[name]["build"]["target"]) if "tmpfs" in one]
    assert proved == [f"--tmpfs=/tmp:{options}" for options in tmpfs_of(name).values()]


def test_the_gpu_is_reserved() -> None:
    (device,) = SERVICES["service-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


def test_one_profile_runs_the_service_once() -> None:
    assert "COMPOSE_PROFILES=cpu" in (ROOT / ".env").read_text(encoding="utf-8").splitlines()
    assert {name: SERVICES[name].get("profiles") for name in SERVICES} == {
        "service": ["cpu"],
        "service-gpu": ["gpu"],
        "export": ["export"],
        **dict.fromkeys(("demo", "prometheus", "grafana")),
    }


def test_every_mounted_folder_is_there() -> None:
    binds = [
        ROOT / volume["source"]
        for one in SERVICES.values()
        for volume in one.get("volumes", [])
        if volume["type"] == "bind"
    ]
    assert len(binds) == 3
    assert [folder for folder in binds if not any(folder.iterdir())] == []


def test_the_dashboards_are_where_grafana_looks() -> None:
    (file,) = (ROOT / "deploy/grafana/provisioning/dashboards").glob("*.y*ml")
    (provider,) = yaml.safe_load(file.read_text(encoding="utf-8"))["providers"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    targets = {v["target"]: v["source"] for v in SERVICES["grafana"]["volumes"]}
    folder = Path(home).parent
    assert Path(provider["options"]["path"]) == folder
    assert (ROOT / targets[str(folder)] / Path(home).name).is_file()


@pytest.mark.parametrize(
    ("profile", "services"),
    [
        ([], {"service", "demo", "prometheus", "grafana"}),
        (["--profile", "gpu"], {"service-gpu", "demo", "prometheus", "grafana"}),
        (["--profile", "export"], {"export", "demo", "prometheus", "grafana"}),
    ],
)
def test_docker_compose_reads_it(profile: list[str], services: set[str]) -> None:
    done = subprocess.run(
        [*_compose(), *profile, "config", "--services"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == services


@pytest.mark.parametrize("driver", [one["logging"]["driver"] for one in SERVICES.values()])
def test_docker_and_podman_have_the_driver_of_the_logs(driver: str) -> None:
    assert driver in {"journald", "json-file", "none"}


def test_podman_compose_asks_for_what_podman_has(tmp_path: Path) -> None:
    """A stand-in for Podman writes down what it is asked for, and answers that all is there."""
    podman, record = tmp_path / "podman", tmp_path / "record"
    podman.write_text(PODMAN)
    podman.chmod(0o755)
    packages = parts_of_wheels(r".*\.py", "podman-compose==1.6.0", "python-dotenv==1.2.2")
    path = f"{tmp_path}:{os.environ['PATH']}"
    command = [sys.executable, "-m", "podman_compose", "--profile=cpu", "--profile=gpu"]
    subprocess.run(
        [*command, "up", "--detach", "--no-build", *LASTING],
        cwd=ROOT,
        check=True,
        capture_output=True,
        env={"PATH": path, "PYTHONPATH": str(packages), "RECORD": str(record)},
        timeout=60,
    )
    asked = [line.split() for line in record.read_text().splitlines()]
    created = [words for words in asked if words[0] == "create"]
    flags = {word.partition("=")[0] for words in created for word in _flags(words)}
    assert {words[1] for words in created} == {f"--name=booth_{name}_1" for name in LASTING}
    assert {"--read-only", "--health-cmd", "--log-driver"} <= flags <= FLAGS_OF_PODMAN_4_3


def _flags(create: list[str]) -> list[str]:
    """The flags before the image's name, behind which those of its program stand."""
    images = {"booth_service", "booth_service-gpu", "booth_demo", *(_image(n) for n in FOREIGN)}
    end = next(index for index, word in enumerate(create) if word in images)
    return [word for word in create[:end] if re.match("--?[a-z]", word)]


def _image(name: str) -> str:
    return str(SERVICES[name]["image"])


def _compose() -> list[str]:
    """The client of ``docker compose``; it needs no engine to read a file."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            found = subprocess.run(
                [*command, "version"], check=False, capture_output=True, timeout=60
            )
            if found.returncode == 0 and b"version 1." not in found.stdout:
                return command
    pytest.skip("neither docker compose nor docker-compose, version 2, is on the path")
