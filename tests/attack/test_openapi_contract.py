"""What ``/openapi.json`` promises holds, whatever is sent: tried by a program that reads it."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.attack.innocents import innocents
from tests.servers import Serve

# A form's parts and a photograph's bytes are no JSON schema's to judge, nor are strings that have
# to be base64: what is made by it is refused with 4xx, as is promised.
# 503 and 504 are promised, for deadlines that can't be met; 500 is looked for below.
LEFT_OUT = {"positive_data_acceptance", "negative_data_rejection", "not_a_server_error"}

load_all_checks()
EXCLUDED: Any = [CHECKS.get_one(name) for name in sorted(LEFT_OUT)]

HURRIED = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def tries(operation: Any, mode: GenerationMode) -> None:
    """Send what fits the description of one operation, or what does not."""

    @HURRIED
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        response = case.call(timeout=30)
        assert response.status_code != httpx.codes.INTERNAL_SERVER_ERROR, response.text
        case.validate_response(response, excluded_checks=EXCLUDED)

    with contextlib.suppress(Unsatisfiable):  # where there is nothing to send that would not fit
        send()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_an_answer_is_one_that_is_promised(
    serve: Serve, photos: dict[str, bytes], mode: GenerationMode
) -> None:
    with serve(models="places365") as server:
        schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        found: Any = schema.get_all_operations()
        operations = [one.ok() for one in found]
        assert len(operations) >= 4
        with innocents(server.url, photos["coffee"]) as asked:
            for operation in operations:
                tries(operation, mode)
        log = server.log.read_text(encoding="utf-8")
    assert not asked.failures
    assert "Traceback" not in log
