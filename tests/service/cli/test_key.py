"""`booth key`: what it prints opens a service that knows the digest alone."""

from __future__ import annotations

from service.settings import read_settings
from service.web.api_keys import ApiKeys
from tests.service.cli.running import booth


def test_a_new_key_is_opened_by_its_digest() -> None:
    made = [booth("key").stdout.decode().split() for _ in range(2)]
    for key, digest in made:
        assert len(key) >= 43  # 32 bytes in base64
        assert ApiKeys(read_settings({"BOOTH_API_KEYS": digest})).name_of(key.encode())
    assert made[0] != made[1]
