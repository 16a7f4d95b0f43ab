"""``POST /hf/{model}``: labels as Hugging Face's clients of image classification want them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from service.api.labelling import PARAMETERS, Labelling, in_lists, rendered
from service.api.openapi.hugging_face import HUGGING_FACE
from service.web.instances import Names

__all__ = ["asks_for_labels", "router"]

_PATH = "/hf/"
_NAMES = Names(("inputs",), '{"inputs": "<base64>"}', passed_over=("options",))
_KNOWN = (*PARAMETERS, "function_to_apply")


def router(labelling: Labelling) -> APIRouter:
    """The front's route."""
    routes = APIRouter()
    front = _Front(labelling)
    routes.add_api_route(_PATH + "{name}", front.classify, methods=["POST"], **HUGGING_FACE)
    return routes


def asks_for_labels(scope: Scope) -> bool:
    """Whether a request is this front's."""
    path: str = scope["path"]
    name = path.removeprefix(_PATH)
    return scope["method"] == "POST" and name != path and bool(name) and "/" not in name


class _Front:
    def __init__(self, labelling: Labelling) -> None:
        self._labelling = labelling

    async def classify(self, request: Request, name: str) -> Response:
        """Label one photograph, or several: a list of labels for each."""
        labelled = await self._labelling.ask(request, _NAMES, {"model": name}, _KNOWN)
        return rendered(request, labelled.results, lambda: in_lists(labelled, request))
