from __future__ import annotations

import pytest

from deploy.images.container import check_hardening, hardened, health, until
from deploy.images.engine import NotSo
from tests.deploy.images.conftest import Said

STATUS = "Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t{caps}\nCapBnd:\t{caps}\nNoNewPrivs:\t{no}\n"
GOOD = STATUS.format(uid=10001, caps="0" * 16, no=1)
READ_ONLY = "touch: /opt/x: Read-only file system\ntouch: /etc/x: Read-only file system\nwrote"
BOUNDED = [{"HostConfig": {"Memory": 4 << 30, "PidsLimit": 256, "Tmpfs": {"/tmp": "size=1m"}}}]  # noqa: S108


def test_a_container_that_ended_is_told_with_its_log(said: Said) -> None:
    engine = said({"inspect": ([{"State": {"Status": "exited"}}], 0), "logs": ("why", 0)})
    with pytest.raises(NotSo, match="has ended"):
        health(engine, "one")


def test_the_engine_s_opinion_of_its_health(said: Said) -> None:
    state = {"Status": "running", "Health": {"Status": "starting"}}
    assert health(said({"inspect": ([{"State": state}], 0)}), "one") == "starting"


def test_what_never_comes_is_not_waited_for() -> None:
    with pytest.raises(NotSo, match=r"Not within 0\.01 s: it snows"):
        until(lambda: False, "it snows", within_s=0.01)


@pytest.mark.parametrize(
    ("status", "writes", "told"),
    [
        (STATUS.format(uid=0, caps="0" * 16, no=1), READ_ONLY, "user"),
        (STATUS.format(uid=10001, caps="00000000a80425fb", no=1), READ_ONLY, "capabilities"),
        (STATUS.format(uid=10001, caps="0" * 16, no=0), READ_ONLY, "gain none"),
        (GOOD, "wrote", "/tmp alone"),  # noqa: S108
        (GOOD, READ_ONLY.removesuffix("wrote"), "/tmp alone"),  # noqa: S108
    ],
)
def test_a_container_that_may_too_much_is_told(
    said: Said, status: str, writes: str, told: str
) -> None:
    engine = said({"/proc/1/status": (status, 0), "touch": (writes, 1), "inspect": (BOUNDED, 0)})
    with pytest.raises(NotSo, match=told):
        check_hardening(engine, "one")


def test_a_container_as_it_is_to_be(said: Said) -> None:
    engine = said({"/proc/1/status": (GOOD, 0), "touch": (READ_ONLY, 0), "inspect": (BOUNDED, 0)})
    check_hardening(engine, "one")


@pytest.mark.parametrize("target", ["service", "demo", "gpu", "export"])
def test_each_target_runs_hardened(target: str) -> None:
    options = hardened(target)
    assert {"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"} <= set(
        options
    )
