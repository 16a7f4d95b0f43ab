"""``GET /models/{name}/layers`` and ``/filters``: what a network is made of, and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from booth_client import wire
from booth_client.errors import InvalidParameter
from service.api.inspecting import prefers
from service.api.openapi.layers import FILTERS, LAYERS
from service.fleet.fleet import LoadedModel
from service.inspection.filters import (
    MOST_NUMBERS,
    MOST_UNITS,
    Filters,
    as_sheet,
    first_units,
)
from service.inspection.layers import Layer
from service.inspection.reading import Reader, filters_in, layers_in
from service.web.deflating import as_json
from service.web.query import parameters
from service.web.scope import client_of
from service.web.state import ServiceState

__all__ = ["find_layer", "router"]

_PNG = "image/png"
_MOST_SHOWN = 64  # characters of a stranger's name for a layer
_MOST_DIGITS = 6
_COLOURS = 3


def router(state: ServiceState) -> APIRouter:
    """The front's routes, with their places in the OpenAPI description."""
    front = _Front(state)
    routes = APIRouter(prefix="/models/{name}")
    routes.add_api_route("/layers", front.layers, methods=["GET"], **LAYERS)
    routes.add_api_route("/filters", front.filters, methods=["GET"], **FILTERS)
    return routes


class _Front:
    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._reader = Reader()

    async def layers(self, request: Request, name: str) -> Response:
        """A network's layers, in the order in which they are computed."""
        given = parameters(request.scope["query_string"], ("version",))
        model = self._state.model(name, given.get("version"))
        body = await self._reader.read(client_of(request.scope), lambda: _layers(model))
        return await as_json(request, body)

    async def filters(self, request: Request, name: str) -> Response:
        """The weights of a layer's units: numbers, or a picture for who accepts PNG alone."""
        given = parameters(request.scope["query_string"], ("layer", "unit", "version"))
        model = self._state.model(name, given.get("version"))
        is_sheet = prefers(request, _PNG)
        body = await self._reader.read(
            client_of(request.scope), lambda: _filters(model, given, is_sheet=is_sheet)
        )
        if is_sheet:
            return Response(body, media_type=_PNG, headers={"Vary": "Accept"})
        return await as_json(request, body, vary="Accept")


def _layers(model: LoadedModel) -> bytes:
    return _dumped(_described(model, layers_in(model.path, model.modified)))


def _filters(model: LoadedModel, given: Mapping[str, str], *, is_sheet: bool) -> bytes:
    file = model.path, model.modified
    layer = find_layer(layers_in(*file), given.get("layer"))
    filters = filters_in(*file, layer, _units(given, layer))
    if is_sheet:
        return _sheet(layer, filters)
    return _dumped(_listed(model, layer, filters))


def find_layer(layers: tuple[Layer, ...], name: str | None) -> Layer:
    """The layer of a name.

    Raises:
        InvalidParameter: there is none.

    """
    for layer in layers:
        if layer.name == name:
            return layer
    wrong = "layer is missing" if name is None else f"There is no layer {name[:_MOST_SHOWN]!r}"
    raise InvalidParameter(f"{wrong}; /models/NAME/layers lists those of a model.")


def _units(given: Mapping[str, str], layer: Layer) -> list[int]:
    if not layer.has_filters:
        raise InvalidParameter(f"{layer.name} ({layer.kind}) has no filters; name another layer.")
    if "unit" not in given:
        return first_units(layer)
    last = layer.filter_shape[3] - 1
    units = [_unit(text, layer, last) for text in given["unit"].split(",")[: MOST_UNITS + 1]]
    height, width, channels, _ = layer.filter_shape
    most = max(1, min(MOST_UNITS, MOST_NUMBERS // (height * width * channels)))
    if len(units) > most:
        raise InvalidParameter(f"Of {layer.name} at most {most} units are told at a time.")
    return units


def _unit(text: str, layer: Layer, last: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and int(text) <= last:
        return int(text)
    raise InvalidParameter(
        f"unit must be whole numbers from 0 to {last} for {layer.name}, not {text[:_MOST_SHOWN]!r}."
    )


def _sheet(layer: Layer, filters: Filters) -> bytes:
    is_first = not layer.inputs and layer.filter_shape[2] == _COLOURS
    return as_sheet(filters, in_colour=is_first)


def _dumped(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def _described(model: LoadedModel, layers: tuple[Layer, ...]) -> dict[str, Any]:
    card = model.card
    return {
        "model": card.name,
        "version": card.version,
        "input": card.input.model_dump(exclude_none=True),
        "layers": [_layer(one) for one in layers],
        "parameters": sum(one.parameters for one in layers),
        "multiply_adds": sum(one.multiply_adds for one in layers),
    }


def _layer(layer: Layer) -> wire.Layer:
    field = layer.receptive_field
    return wire.Layer(
        name=layer.name,
        kind=layer.kind,
        activation=layer.activation,
        inputs=list(layer.inputs),
        shape=list(layer.shape),
        kernel=list(layer.kernel) if layer.kernel else None,
        stride=list(layer.stride) if layer.stride else None,
        padding=list(layer.padding) if layer.padding else None,
        groups=layer.groups,
        input_channels=layer.input_channels,
        bias=layer.bias,
        parameters=layer.parameters,
        multiply_adds=layer.multiply_adds,
        receptive_field=wire.ReceptiveField(
            [field.y.size, field.x.size],
            [field.y.jump, field.x.jump],
            [field.y.first_centre, field.x.first_centre],
        ),
        has_filters=layer.has_filters,
    )


def _listed(model: LoadedModel, layer: Layer, filters: Filters) -> dict[str, Any]:
    biases = [None] * len(filters.units) if filters.biases is None else filters.biases.tolist()
    return {
        "model": model.card.name,
        "version": model.card.version,
        "layer": layer.name,
        "shape": layer.filter_shape,
        "filters": [
            {"unit": unit, "kernel": kernel, "bias": bias}
            for unit, kernel, bias in zip(filters.units, filters.kernels, biases, strict=True)
        ],
    }
