from __future__ import annotations

import hashlib
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from export.fetch.download import DownloadError, RetryPolicy, download

if TYPE_CHECKING:
    from collections.abc import Callable

BODY, OTHER = (hashlib.shake_128(seed).digest(200_000) for seed in (b"right", b"wrong"))
SHA256 = hashlib.sha256(BODY).hexdigest()
HASTY = RetryPolicy(attempts=3, backoff_s=0, longest_pause_s=0, connect_s=2, read_s=2)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "home" / "weights.pth"


@pytest.fixture
def fetch(publisher: Any, target: Path) -> Callable[..., str]:
    publisher.files["weights.pth"] = BODY
    return partial(download, f"{publisher.url}/weights.pth", target, sha256=SHA256, retry=HASTY)


def _left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def _fails(fetch: Callable[..., str], **how: Any) -> str:
    with pytest.raises(DownloadError) as caught:
        fetch(**how)
    sentence = str(caught.value)
    assert sentence.endswith("--weights FILE.")
    assert "\n" not in sentence
    return sentence


def test_a_good_file_comes_whole_and_nothing_else_is_left(
    fetch: Callable[..., str], target: Path
) -> None:
    assert fetch() == SHA256
    assert target.read_bytes() == BODY
    assert _left(target) == ["weights.pth"]


@pytest.mark.parametrize("sha256", [None, SHA256[:8], SHA256.upper()])
def test_the_hash_may_be_unknown_or_a_prefix_and_the_whole_one_is_returned(
    fetch: Callable[..., str], target: Path, sha256: str | None
) -> None:
    assert fetch(sha256=sha256) == SHA256
    assert target.read_bytes() == BODY


def test_progress_is_told_from_none_to_all(fetch: Callable[..., str]) -> None:
    seen: list[tuple[int, int | None]] = []

    fetch(progress=lambda done, total: seen.append((done, total)))

    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert seen == sorted(seen)


def test_a_connection_that_breaks_off_is_taken_up_where_it_broke(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.script.append(publisher.breaks_off(150_000))

    assert fetch() == SHA256
    assert target.read_bytes() == BODY
    assert [request.get("range") for request in publisher.requests] == [None, "bytes=150000-"]


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.script.append(publisher.breaks_off(150_000))
    publisher.script.extend([publisher.says(503)] * 3)
    sentence = _fails(fetch)
    assert "127.0.0.1 answered 503 Service Unavailable" in sentence
    assert "try again later" in sentence
    assert not target.exists()

    assert fetch() == SHA256
    assert publisher.requests[-1]["range"] == "bytes=150000-"
    assert _left(target) == ["weights.pth"]


def test_a_bad_line_that_gets_a_bit_further_each_time_is_borne(
    fetch: Callable[..., str], publisher: Any
) -> None:
    def crawls(request: Any, body: bytes) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        span = f"bytes {start}-{len(body) - 1}/{len(body)}"
        headers = {"ETag": '"1"', "Content-Range": span, "Content-Length": str(len(body) - start)}
        request.head(206 if start else 200, **headers)
        request.wfile.write(body[start : start + 20_000])

    publisher.afterwards = crawls

    assert fetch() == SHA256
    assert len(publisher.requests) == 10 > HASTY.attempts


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.script.append(publisher.breaks_off(150_000))
    publisher.script.append(publisher.breaks_off(len(BODY)))

    assert fetch() == SHA256
    assert target.read_bytes() == BODY


def test_a_server_that_always_breaks_off_at_the_same_place_is_given_up(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.afterwards = publisher.breaks_off(150_000)

    assert "broke off after 150,000 bytes" in _fails(fetch)
    assert len(publisher.requests) == HASTY.attempts
    assert not target.exists()


def test_a_server_that_names_no_version_is_never_asked_for_a_part(
    fetch: Callable[..., str], publisher: Any
) -> None:
    publisher.script.append(publisher.breaks_off(150_000, ETag=""))

    assert fetch() == SHA256
    assert [request.get("range") for request in publisher.requests] == [None, None]


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"ETag": 'W/"1"'}, None),
        (
            {"ETag": 'W/"1"', "Last-Modified": "Sat, 20 Jun 2020 17:42:00 GMT"},
            "Sat, 20 Jun 2020 17:42:00 GMT",
        ),
        ({"ETag": '"1"', "Last-Modified": "Sat, 20 Jun 2020 17:42:00 GMT"}, '"1"'),
    ],
)
def test_a_weak_tag_is_no_proof_of_the_same_bytes(
    fetch: Callable[..., str], publisher: Any, headers: dict[str, str], asked: str | None
) -> None:
    publisher.script.append(publisher.breaks_off(150_000, **headers))

    assert fetch() == SHA256
    assert publisher.requests[1].get("if-range") == asked


def test_a_file_that_changed_between_two_attempts_is_read_from_the_start(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.files["weights.pth"] = OTHER
    publisher.script.append(publisher.breaks_off(150_000))
    publisher.script.append(lambda request, _body: _publish(publisher, request))

    assert fetch() == SHA256
    assert target.read_bytes() == BODY


def _publish(publisher: Any, request: Any) -> None:
    publisher.files["weights.pth"] = BODY
    publisher.afterwards(request, BODY)


def test_a_part_of_another_version_is_not_glued_to_what_is_there(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    def careless(request: Any, body: bytes) -> None:
        span = f"bytes 150000-{len(body) - 1}/{len(body)}"
        request.head(206, **{"ETag": '"new"', "Content-Range": span})
        request.wfile.write(OTHER[150_000:])

    publisher.script.extend([publisher.breaks_off(150_000), careless])

    assert fetch() == SHA256
    assert target.read_bytes() == BODY
    assert len(publisher.requests) == 3


def test_a_part_from_another_place_than_asked_for_is_refused(
    fetch: Callable[..., str], publisher: Any
) -> None:
    def elsewhere(request: Any, body: bytes) -> None:
        request.head(206, **{"Content-Range": f"bytes 7-{len(body) - 1}/{len(body)}"})

    publisher.script.append(publisher.breaks_off(150_000))
    publisher.afterwards = elsewhere

    assert "another part of the file" in _fails(fetch)


def test_a_length_that_is_too_large_is_found_out_by_asking_for_the_rest(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.script.append(publisher.breaks_off(len(BODY), **{"Content-Length": "300000"}))

    assert fetch() == SHA256
    assert target.read_bytes() == BODY
    assert publisher.requests[1]["range"] == "bytes=200000-"


def test_a_server_that_keeps_lying_about_the_length_is_given_up(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.afterwards = publisher.breaks_off(len(BODY), **{"Content-Length": "300000"})

    assert "broke off after 200,000 bytes" in _fails(fetch)
    assert not target.exists()


def test_a_length_that_is_too_small_is_found_out_by_the_hash(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.afterwards = publisher.breaks_off(len(BODY), **{"Content-Length": "100000"})

    assert "gave 100,000 bytes with SHA-256" in _fails(fetch)
    assert _left(target) == []


@pytest.mark.parametrize("length", ["-1", "many"])
def test_a_length_that_is_no_number_is_not_believed(
    fetch: Callable[..., str], publisher: Any, target: Path, length: str
) -> None:
    publisher.afterwards = publisher.breaks_off(len(BODY), **{"Content-Length": length})

    _fails(fetch)
    assert not target.exists()


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8]])
def test_wrong_bytes_are_deleted(
    fetch: Callable[..., str], publisher: Any, target: Path, sha256: str
) -> None:
    publisher.files["weights.pth"] = OTHER

    sentence = _fails(fetch, sha256=sha256)

    assert f"SHA-256 {hashlib.sha256(OTHER).hexdigest()} where {sha256} was expected" in sentence
    assert _left(target) == []


def test_an_older_file_stays_until_the_new_one_is_whole_and_right(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    target.parent.mkdir()
    target.write_bytes(b"older")
    publisher.files["weights.pth"] = OTHER
    _fails(fetch)
    assert target.read_bytes() == b"older"

    publisher.files["weights.pth"] = BODY
    fetch()
    assert target.read_bytes() == BODY


def test_an_address_without_a_file_is_told_at_once(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.files.clear()

    assert "127.0.0.1 answered 404 Not Found" in _fails(fetch)
    assert len(publisher.requests) == 1
    assert _left(target) == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(
    fetch: Callable[..., str], publisher: Any, status: int
) -> None:
    publisher.script.append(publisher.says(status, **{"Retry-After": "120"}))

    assert fetch() == SHA256


def test_a_server_that_stays_in_trouble_is_given_up(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.afterwards = publisher.says(429)

    assert "127.0.0.1 answered 429 Too Many Requests" in _fails(fetch)
    assert len(publisher.requests) == HASTY.attempts
    assert _left(target) == []


def test_pauses_double_obey_the_server_and_are_bounded() -> None:
    retry = RetryPolicy(backoff_s=0.5, longest_pause_s=30)

    assert [retry.pause_s(failures, 0) for failures in (1, 2, 3)] == [0.5, 1, 2]
    assert retry.pause_s(1, 7) == 7
    assert retry.pause_s(1, 3600) == 30


def test_the_login_page_of_a_network_is_not_taken_for_the_file(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.afterwards = publisher.breaks_off(100, **{"Content-Type": "text/html"})

    assert "web page instead of the file" in _fails(fetch, sha256=None)
    assert _left(target) == []


def test_an_empty_file_is_refused(fetch: Callable[..., str], publisher: Any, target: Path) -> None:
    publisher.files["weights.pth"] = b""
    publisher.afterwards = publisher.says(200)

    assert "is an empty file" in _fails(fetch, sha256=None)
    assert _left(target) == []


def test_a_server_that_falls_silent_is_given_up(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.afterwards = publisher.falls_silent

    sentence = _fails(fetch, retry=RetryPolicy(attempts=1, read_s=0.1))

    assert "fell silent after 100,000 bytes" in sentence
    assert not target.exists()


def test_without_a_network_the_host_is_named(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/weights.pth"
        sentence = _fails(partial(download, url, target, retry=HASTY))

    assert sentence.startswith("127.0.0.1 could not be reached")
    assert _left(target) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "weights.pth", "http://"])
def test_what_is_no_web_address_is_refused(target: Path, url: str) -> None:
    assert "check the address" in _fails(partial(download, url, target, retry=HASTY))
    assert _left(target) == []


def test_a_redirection_is_followed_but_not_for_ever(
    fetch: Callable[..., str], publisher: Any
) -> None:
    onwards = publisher.says(302, Location=f"{publisher.url}/weights.pth")
    publisher.script.append(onwards)
    assert fetch() == SHA256

    publisher.afterwards = onwards
    assert "can not be fetched" in _fails(fetch)


def test_the_leftover_of_another_address_is_not_continued(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    target.parent.mkdir()
    target.with_name("weights.pth.part").write_bytes(OTHER[:1000])
    target.with_name("weights.pth.part.json").write_text('{"url": "http://a/", "version": "1"}')

    assert fetch() == SHA256
    assert "range" not in publisher.requests[0]
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"url": null}'])
def test_a_damaged_note_of_an_earlier_run_does_no_harm(
    fetch: Callable[..., str], target: Path, note: str
) -> None:
    target.parent.mkdir()
    target.with_name("weights.pth.part").write_bytes(OTHER[:1000])
    target.with_name("weights.pth.part.json").write_text(note)

    assert fetch() == SHA256


def test_a_leftover_that_no_longer_fits_is_thrown_away(
    fetch: Callable[..., str], publisher: Any, target: Path
) -> None:
    publisher.script.append(publisher.breaks_off(150_000))
    publisher.script.append(publisher.says(416))

    assert fetch() == SHA256
    assert target.read_bytes() == BODY


def test_a_folder_that_can_not_be_written_is_told(fetch: Callable[..., str], target: Path) -> None:
    target.parent.write_bytes(b"a file where the folder should be")

    with pytest.raises(DownloadError, match=r"could not be written: .*BOOTH_MODEL_DIR"):
        fetch()
