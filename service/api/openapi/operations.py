"""One route with all that is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.api.openapi.problems import ANY, MANAGED, by_status

__all__ = ["BEARER", "answered", "json_answer", "operation"]


BEARER = "bearer"  # the security scheme of all keys


def answered(
    description: str,
    content: dict[str, dict[str, Any]],
    headers: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A response, by its media types."""
    told = {"headers": headers} if headers else {}
    return {"description": description, **told, "content": content}


def json_answer(
    schema: dict[str, Any], example: Any = None, **examples: Any
) -> dict[str, dict[str, Any]]:
    """The content of a response in JSON, with one example or with several by their names."""
    if examples:
        shown = {name: {"value": value} for name, value in examples.items()}
        return {"application/json": {"schema": schema, "examples": shown}}
    return {"application/json": {"schema": schema, "example": example}}


def operation(
    name: str,
    tag: str,
    summary: str,
    description: str,
    *,
    answers: dict[str, dict[str, Any]],
    problems: Sequence[str],
    parameters: Sequence[dict[str, Any]] = (),
    body: dict[str, Any] | None = None,
    plain: bool = False,
) -> dict[str, Any]:
    """A route as a keyword for ``add_api_route``: ``openapi_extra``.

    Args:
        name: the operation's id, of which generated clients make a method's name.
        tag: of the group that it stands in.
        summary: of a few words.
        description: what it does.
        answers: the responses by their statuses, if all goes well.
        problems: names of ``problems.RESPONSES``; with no more than ``ANY``, it needs no
            key, and with ``MANAGED`` always one.
        parameters: of the query, the path and the headers.
        body: of the request.
        plain: its errors are ``application/json``.

    """
    whole: dict[str, Any] = {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "description": description,
    }
    if parameters:
        whole["parameters"] = list(parameters)
    if body:
        whole["requestBody"] = body
    whole["responses"] = {**answers, **by_status(problems, plain=plain)}
    if set(problems) <= {*ANY, "NotReady"}:
        whole["security"] = []
    elif set(problems) >= set(MANAGED):
        whole["security"] = [{BEARER: []}]
    return {"openapi_extra": whole}
