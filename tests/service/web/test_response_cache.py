"""The response cache, on a real socket: hits, ETags, what a client may ask, and what it counts."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.engine.cache import answer_key
from service.web import response_cache
from tests.servers import ServeInside
from tests.service.asking import BLUE, RED, coloured
from tests.waiting import eventually

ROOM = 1_000_000


@pytest.fixture
def caching(serve_inside: ServeInside) -> Iterator[str]:
    """The address of a fresh service with room for answers."""
    with serve_inside(cache_bytes=ROOM, queue_size=64) as inside:
        yield inside.url


def ask(url: str, body: bytes = RED, query: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{url}/classify{query}", content=body, headers=named)


def labels(response: httpx.Response) -> dict[str, Any]:
    """The answer without its times."""
    return {name: value for name, value in response.json().items() if name != "timing_ms"}


def page(url: str) -> dict[str, float]:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("booth_"))
    return {name: float(value) for name, value in pairs}


def lookups(url: str) -> dict[str, float]:
    """Photographs looked up, by the result, without the zeros."""
    start = 'booth_cache_lookups_total{model="tiny",result="'
    return {
        name.removeprefix(start).removesuffix('"}'): value
        for name, value in page(url).items()
        if name.startswith(start) and value
    }


def test_the_second_time_the_answer_is_known(caching: str) -> None:
    new, known = ask(caching), ask(caching)
    assert list(known.json()) == list(new.json())
    assert labels(known) == labels(new)
    assert known.headers["etag"] == new.headers["etag"]
    assert set(known.headers) == set(new.headers)
    assert lookups(caching) == {"miss": 1, "hit": 1}
    results = [name for name in page(caching) if name.startswith("booth_cache_lookups_total{")]
    assert len(results) == 4  # those that are 0 as well, for a rate to begin there


def test_the_times_of_a_known_answer_are_its_own(caching: str) -> None:
    new, known = (ask(caching, coloured("red", side=900)) for _ in range(2))
    times = known.json()["timing_ms"]
    assert (times["decode"], times["queue"], times["inference"]) == (0, 0, 0)
    assert 0 < times["total"] < new.json()["timing_ms"]["total"]
    assert "inference;dur=0.00" in known.headers["server-timing"]
    assert f"total;dur={times['total']:.2f}" in known.headers["server-timing"]


def test_the_metrics_show_no_run_where_there_was_none(caching: str) -> None:
    for _ in range(3):
        ask(caching)
    ask(caching, if_none_match=ask(caching).headers["etag"])
    seen = page(caching)
    model = '{model="tiny"}'
    assert seen[f"booth_images_total{model}"] == seen[f"booth_batches_total{model}"] == 1
    assert seen["booth_image_bytes_count"] == seen[f"booth_confidence_count{model}"] == 1
    assert seen['booth_labels_total{label="red",model="tiny"}'] == 1
    counts = {
        stage: seen[f'booth_stage_duration_seconds_count{{model="tiny",stage="{stage}"}}']
        for stage in ("read", "cache", "decode", "queue", "inference", "answer")
    }
    assert counts == {
        "read": 5, "cache": 4, "decode": 1, "queue": 1, "inference": 1, "answer": 4
    }  # fmt: skip
    assert seen['booth_requests_total{model="tiny",outcome="ok"}'] == 5
    assert seen[f"booth_request_duration_seconds_count{model}"] == 5
    assert 0 < seen["booth_cache_bytes"] < seen["booth_cache_bytes_limit"] == ROOM


def test_another_photograph_or_another_top_k_is_another_answer(caching: str) -> None:
    answers = [ask(caching, RED), ask(caching, BLUE), ask(caching, RED, "?top_k=1")]
    assert lookups(caching) == {"miss": 3}
    assert len({answer.headers["etag"] for answer in answers}) == 3
    assert ask(caching, RED, "?top_k=1&timeout_ms=9000&model=tiny&version=1").is_success
    assert lookups(caching) == {"miss": 3, "hit": 1}


def test_however_it_is_sent_a_photograph_is_the_same(caching: str) -> None:
    url = f"{caching}/classify"
    bare = ask(caching)
    form = httpx.post(url, files={"photo": RED})
    json = httpx.post(url, json={"image": base64.b64encode(RED).decode()})
    assert labels(bare) == labels(form) == labels(json)
    assert bare.headers["etag"] == form.headers["etag"] == json.headers["etag"]
    assert lookups(caching) == {"miss": 1, "hit": 2}


def test_each_photograph_of_a_list_is_looked_up_alone(caching: str) -> None:
    ask(caching, BLUE)
    files = [("a", RED), ("b", BLUE), ("c", b"no photograph"), ("d", coloured("green"))]
    response = httpx.post(f"{caching}/classify", files=files)
    results = response.json()["results"]
    first = [
        one["predictions"][0]["category"] if "model" in one else one["status"] for one in results
    ]
    assert first == ["red", "blue", 415, "green"]
    assert results[1]["timing_ms"]["inference"] == 0 < results[0]["timing_ms"]["inference"]
    assert lookups(caching) == {"miss": 4, "hit": 1}
    assert "etag" not in response.headers
    again = httpx.post(f"{caching}/classify", files=files).json()["results"]
    assert [one.get("predictions") for one in again] == [one.get("predictions") for one in results]
    assert lookups(caching) == {"miss": 5, "hit": 4}


def test_a_client_that_has_the_answer_gets_304(caching: str) -> None:
    etag = ask(caching).headers["etag"]
    for held in (etag, etag.removeprefix("W/"), f'"another", {etag}'):
        response = ask(caching, if_none_match=held)
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == etag
        assert "content-type" not in response.headers
    assert ask(caching, BLUE, if_none_match=etag).status_code == 200
    assert ask(caching, query="?top_k=2", if_none_match=etag).status_code == 200
    assert ask(caching, if_none_match="*").status_code == 200
    assert lookups(caching) == {"miss": 3, "not_modified": 3, "hit": 1}


def test_304_needs_neither_the_network_nor_the_answer(serve_inside: ServeInside) -> None:
    with serve_inside(cache_bytes=ROOM) as inside:
        etag = ask(inside.url).headers["etag"]
    with serve_inside(cache_bytes=1) as forgetful:
        assert ask(forgetful.url).headers["etag"] == etag
        assert ask(forgetful.url, if_none_match=etag).status_code == 304
        assert lookups(forgetful.url) == {"miss": 1, "not_modified": 1}
        assert page(forgetful.url)['booth_batches_total{model="tiny"}'] == 1


def test_no_cache_asks_the_network_again(caching: str) -> None:
    etag = ask(caching).headers["etag"]
    again = ask(caching, cache_control="max-age=0, No-Cache", if_none_match=etag)
    assert again.status_code == 200
    assert again.json()["timing_ms"]["inference"] > 0
    assert page(caching)['booth_batches_total{model="tiny"}'] == 2
    assert ask(caching).json()["timing_ms"]["inference"] == 0
    assert lookups(caching) == {"miss": 1, "bypass": 1, "hit": 1}


def test_no_store_leaves_nothing_behind(caching: str) -> None:
    assert ask(caching, cache_control="no-store").status_code == 200
    assert page(caching)["booth_cache_bytes"] == 0
    ask(caching)
    ask(caching, cache_control="no-store")
    assert lookups(caching) == {"miss": 2, "hit": 1}


@pytest.mark.parametrize("body", [b"", b"no photograph", RED[:50]])
def test_an_error_is_neither_kept_nor_tagged(caching: str, body: bytes) -> None:
    for _ in range(2):
        response = ask(caching, body)
        assert response.is_client_error
        assert "etag" not in response.headers
    assert lookups(caching) == {"miss": 2}
    assert page(caching)["booth_cache_bytes"] == 0


def test_a_reloaded_file_of_the_same_version_does_not_answer_from_its_predecessors_cache(
    serve: Any, make_tiny: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_tiny("tiny")
    with serve(models=path, cache_bytes=ROOM) as server:
        etag = ask(server.url).headers["etag"]
        before = httpx.get(f"{server.url}/metrics").text
        replacement = tmp_path / "new"
        replacement.write_bytes(path.read_bytes().replace(b"Which colour", b"What colours"))
        shutil.copystat(path, replacement)
        os.utime(replacement, (1, 1))
        replacement.replace(path)
        server.process.send_signal(signal.SIGHUP)
        wait_for_reload(server.url, before)
        assert ask(server.url, if_none_match=etag).status_code == 200
        assert ask(server.url).headers["etag"] != etag
        assert lookups(server.url) == {"miss": 2, "hit": 1}


def wait_for_reload(url: str, before: str) -> None:
    def since(text: str) -> str:
        return next(line for line in text.splitlines() if line.startswith("booth_model_loaded"))

    with httpx.Client(base_url=url) as client:
        eventually(lambda: since(client.get("/metrics").text), lambda now: now != since(before))


def test_a_thousand_different_photographs_stay_within_the_bytes(serve: Any, tiny: Path) -> None:
    photos = [coloured((number % 256, number // 256, 90), 4, "BMP") for number in range(1000)]
    with serve(models=tiny, cache_bytes=50_000) as server:
        with httpx.Client() as client, ThreadPoolExecutor(4) as clients:
            url = f"{server.url}/classify"
            answers = clients.map(lambda photo: client.post(url, content=photo), photos)
            assert {answer.status_code for answer in answers} == {200}
        seen = page(server.url)
        assert 40_000 < seen["booth_cache_bytes"] <= seen["booth_cache_bytes_limit"] == 50_000
        assert 800 < seen["booth_cache_evictions_total"] < 1000
        assert lookups(server.url) == {"miss": 1000}


def test_equal_photographs_at_once_all_get_the_answer(caching: str) -> None:
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda _: ask(caching), range(64)))
    assert all(labels(answer) == labels(answers[0]) for answer in answers)
    seen = lookups(caching)
    assert seen["miss"] + seen["hit"] == 64
    assert page(caching)['booth_images_total{model="tiny"}'] == seen["miss"] < 64


def test_large_photographs_are_hashed_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []

    def noted(*of: Any) -> bytes:
        threads.append(threading.current_thread())
        return answer_key(*of)

    monkeypatch.setattr(response_cache, "answer_key", noted)
    small, half = bytes(1000), bytes(response_cache._HASHED_HERE // 2 + 1)
    for photos in ([small, half], [half, half]):
        keys = asyncio.run(response_cache._keys(bytes(32), 5, photos))
        assert keys == [answer_key(bytes(32), 5, photo) for photo in photos]
    loop = threading.current_thread()
    assert [thread is loop for thread in threads] == [True, True, False, False]


def test_when_it_is_off_nothing_is_hashed_tagged_or_kept(
    inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(response_cache, "answer_key")
    answers = [ask(inside.url, if_none_match='"x"', cache_control="no-cache") for _ in range(2)]
    for answer in answers:
        assert {"etag", "cache-control"}.isdisjoint(answer.headers)
        assert answer.json()["timing_ms"]["inference"] > 0
    assert "booth_cache_lookups_total{" not in "".join(page(inside.url))
    assert page(inside.url)["booth_cache_bytes_limit"] == 0
