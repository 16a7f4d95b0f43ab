"""TensorFlow Serving's and KServe's addresses; what such fronts share: see test_labelling."""

from __future__ import annotations

import base64

import httpx
import pytest

from tests.servers import serving_inside
from tests.service.asking import BLUE, RED, first
from tests.service.conftest import MakeTiny

RED64, BLUE64 = base64.b64encode(RED).decode(), base64.b64encode(BLUE).decode()


@pytest.fixture
def url(tiny_server: str) -> str:
    return f"{tiny_server}/v1/models"


def test_each_instance_gets_a_prediction(url: str) -> None:
    instances = [{"b64": RED64}, {"image_bytes": {"b64": BLUE64}}]
    given = {"signature_name": "serving_default", "instances": instances}
    answer = httpx.post(f"{url}/tiny:predict", json=given).json()
    assert list(answer) == ["predictions"]
    assert [first(one) for one in answer["predictions"]] == ["Red", "Blue"]
    assert list(answer["predictions"][0]) == list(
        httpx.post(url.replace("/v1/models", "/classify"), content=RED).json()
    )


def test_columns_come_back_as_outputs(url: str) -> None:
    columns = httpx.post(f"{url}/tiny:predict", json={"inputs": {"image": [{"b64": RED64}]}})
    (one,) = columns.json()["outputs"]
    alone = httpx.post(f"{url}/tiny:predict", json={"inputs": {"b64": RED64}})
    assert first(one) == first(alone.json()["outputs"]) == "Red"


def test_a_version_may_be_named(url: str) -> None:
    given = {"instances": [{"b64": RED64}]}
    assert httpx.post(f"{url}/tiny/versions/1:predict", json=given).is_success
    missing = httpx.post(f"{url}/tiny/versions/7:predict", json=given)
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/unknown-version")


def test_the_status_is_that_of_both_protocols(
    make_tiny: MakeTiny,
) -> None:
    both = f"{make_tiny(version='1')},{make_tiny('tiny-2')}"
    with serving_inside(models=both) as running, httpx.Client(base_url=running.url) as client:
        status = client.get("/v1/models/tiny")
        assert status.json() == {
            "name": "tiny",
            "ready": True,
            "model_version_status": [
                {
                    "version": "1",
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ],
        }
        assert client.get("/v1/models/tiny/versions/1").json() == status.json()
        assert client.get("/v1/models").json() == {"models": ["tiny", "tiny-2"]}
        assert client.get("/v1/models/tiny/versions/2").status_code == 404
        assert client.get("/v1/models/other").status_code == 404
        running.state.started = False
        assert client.get("/v1/models/tiny").status_code == 503
        assert client.get("/v1/models").status_code == 503
        running.state.started = True
