"""Files are sent whole, whatever part of them is asked for."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=-", "bytes=0-9", "bytes=999999999-", "lines=1-2", ""]
)
def test_a_file_is_sent_whole(tiny_server: str, asked: str) -> None:
    url = f"{tiny_server}/docs/files/swagger-ui.css"
    answer = httpx.get(url, headers={"Range": asked})
    assert answer.status_code == 200
    assert answer.content == httpx.get(url).content
