"""The page's requests stay in the process, and come from its visitor."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from service.run.inside import Inside


async def who(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"{scope['path']} {scope['client']}")(scope, receive, send)


def test_a_request_comes_from_the_visitor_of_that_moment() -> None:
    visitors = iter([("192.0.2.1", 1), ("2001:db8::/64", 2)])

    async def ask() -> list[str]:
        transport = Inside(who, lambda: next(visitors))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            return [(await http.get("/who")).text for _ in range(2)]

    assert asyncio.run(ask()) == ["/who ('192.0.2.1', 1)", "/who ('2001:db8::/64', 2)"]


def test_the_api_does_not_wait_for_httpx() -> None:
    code = "import service.run.server, sys; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
