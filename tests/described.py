"""The service's description of its API, as a file for what reads it; without starting anything."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from service.run.app import create_app, create_state
from service.settings import read_settings

__all__ = ["described", "operations", "written"]


def described(**settings: object) -> Any:
    """What ``/openapi.json`` says with settings: ``described(api_keys="...")``."""
    named = {f"BOOTH_{name.upper()}": str(value) for name, value in settings.items()}
    app = create_app(create_state(read_settings({"BOOTH_DEMO": "off", **named})))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://booth") as client:
            return await client.get("/openapi.json")

    return asyncio.run(ask()).raise_for_status().json()


def operations(description: Any) -> dict[str, tuple[str, str, Any]]:
    """Its operations by their ids: method, path, and what is told of it."""
    return {
        one["operationId"]: (method.upper(), path, one)
        for path, item in description["paths"].items()
        for method, one in item.items()
    }


def written(path: Path, description: Any) -> Path:
    """A file of a description."""
    path.write_text(json.dumps(description), encoding="utf-8")
    return path
