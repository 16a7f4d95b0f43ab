"""``GET /models/{name}/layers`` and ``/filters``."""

from __future__ import annotations

from typing import Any

from service.api.openapi.operations import answered, json_answer, operation
from service.api.openapi.parameters import LAYER, NAME, NUMBERS, VERSION, in_query
from service.api.openapi.problems import OF_A_MODEL
from service.api.openapi.schemas import BINARY, ref

__all__ = ["FILTERS", "LAYERS"]

_LAYERS: dict[str, Any] = {
    "model": "places365",
    "version": "2",
    "input": {
        "size": 192,
        "resize": 192,
        "keep_aspect": False,
        "interpolation": "bicubic",
        "content": "photographs",
        "detail": 128,
    },
    "layers": [
        {
            "name": "conv0",
            "kind": "convolution",
            "activation": "relu6",
            "inputs": [],
            "shape": [96, 96, 32],
            "kernel": [3, 3],
            "stride": [2, 2],
            "padding": [0, 0, 1, 1],
            "groups": 1,
            "input_channels": 3,
            "bias": True,
            "parameters": 896,
            "multiply_adds": 7962624,
            "receptive_field": {"size": [3, 3], "jump": [2, 2], "first_centre": [1.5, 1.5]},
            "has_filters": True,
        }
    ],
    "parameters": 896,
    "multiply_adds": 7962624,
}

LAYERS = operation(
    "get_layers",
    "models",
    "List a network's layers",
    "A network's layers, in the order in which they are computed: shapes, parameters, receptive "
    "fields.",
    answers={"200": answered("The layers.", json_answer(ref("ModelLayers"), _LAYERS))},
    problems=OF_A_MODEL,
    parameters=[NAME, *in_query({"version": VERSION})],
)

_FILTERS: dict[str, Any] = {
    "model": "places365",
    "version": "2",
    "layer": "conv0",
    "shape": [1, 1, 3, 32],
    "filters": [{"unit": 0, "kernel": [[[-5.451, -10.37, -1.861]]], "bias": 0.5}],
}

FILTERS = operation(
    "get_filters",
    "models",
    "Show the weights of a layer's units",
    "The weights of a layer's units, as numbers. With `Accept: image/png`, a sheet of pictures.",
    answers={
        "200": answered(
            "The filters; or the sheet.",
            {**json_answer(ref("LayerFilters"), _FILTERS), "image/png": {"schema": BINARY}},
        )
    },
    problems=OF_A_MODEL,
    parameters=[
        NAME,
        *in_query(
            {
                "layer": (LAYER, "its name, as `/models/{name}/layers` has it"),
                "unit": (NUMBERS, "numbers of units, from 0 on; the first ones if not given"),
                "version": VERSION,
            },
            "layer",
        ),
    ],
)
