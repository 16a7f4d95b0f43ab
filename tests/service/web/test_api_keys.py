"""API keys: of the setting and of the file, as they are or by their digests; and read again."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from service.settings import BadSettings, read_settings
from service.web.api_keys import ApiKeys
from tests.servers import Serve, clean_environment
from tests.service.asking import RED
from tests.waiting import eventually

DIGEST = "sha256:" + sha256(b"hashed").hexdigest()


def keys_of(file: Path, given: str = "") -> ApiKeys:
    return ApiKeys(read_settings({"BOOTH_API_KEYS_FILE": str(file), "BOOTH_API_KEYS": given}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_without_any_setting_there_are_none() -> None:
    keys = ApiKeys(read_settings({}))
    assert not keys
    assert keys.name_of(b"") is None


@pytest.mark.parametrize("given", ["hashed", DIGEST, DIGEST.upper(), f"other, {DIGEST}"])
def test_a_key_is_valid_whether_it_or_its_digest_is_given(given: str) -> None:
    keys = ApiKeys(read_settings({"BOOTH_API_KEYS": given}))
    assert keys.name_of(b"hashed") == f"key:{DIGEST[7:23]}"
    for offered in (b"", b"Hashed", DIGEST.encode(), DIGEST[7:].encode()):
        assert keys.name_of(offered) is None


def test_the_digest_of_nothing_opens_nothing() -> None:
    keys = ApiKeys(read_settings({"BOOTH_API_KEYS": f"sha256:{sha256(b'').hexdigest()}"}))
    assert keys.name_of(b"") is None


def test_a_file_has_a_key_or_digest_a_line(file: Path) -> None:
    file.write_text(
        f"\ufeff# ours\nplain\n\n  {DIGEST}  # the shop's\r\nwith#sign\n#plain2", "utf-8"
    )
    keys = keys_of(file, "given")
    assert len(keys) == 4
    assert all(keys.name_of(key) for key in (b"plain", b"hashed", b"with#sign", b"given"))
    assert not any(keys.name_of(key) for key in (b"# ours", b"plain2", b"#plain2", b"with"))


def test_no_key_is_kept_as_it_is(file: Path) -> None:
    file.write_text("swordfish", encoding="utf-8")
    settings = read_settings({"BOOTH_API_KEYS": "opensesame", "BOOTH_API_KEYS_FILE": str(file)})
    kept = [digest.get_secret_value() for digest in settings.api_keys]
    assert kept == ["sha256:" + sha256(b"opensesame").hexdigest()]
    assert "swordfish" not in str(vars(ApiKeys(settings)))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "can't be read (No such file or directory)"),
        (b"", "holds no key"),
        (b"# none yet\n\n", "holds no key"),
        (b"good\nsha256:12345\n", "in line 2, after sha256: there must be 64 hexadecimal digits"),
        (b"\xff\xfe\x00k", "must be text in UTF-8"),
        (b"k" * 1_000_001, "at most 1,000,000 bytes"),
    ],
)
def test_a_bad_file_is_refused_in_a_sentence_and_changes_nothing_later(
    file: Path, content: bytes | None, sentence: str
) -> None:
    file.write_text("first", encoding="utf-8")
    keys = keys_of(file)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    for read in (keys.reload, lambda: keys_of(file)):
        with pytest.raises(BadSettings, match=re.escape(sentence)) as refusal:
            read()
        assert "good" not in str(refusal.value)
    assert keys.name_of(b"first")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="can't be read"):
        keys_of(tmp_path)


def test_keys_rotate_without_a_restart(serve: Serve, tiny: Path, file: Path) -> None:
    file.write_text("old", encoding="utf-8")
    with serve(models=tiny, api_keys_file=file) as server:

        def status(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return httpx.post(f"{server.url}/classify", content=RED, headers=headers).status_code

        assert [status(key) for key in ("old", "new")] == [200, 401]
        file.write_text("new", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: status("new") == 200)
        assert status("old") == 401
        file.write_text("", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "The keys stay." in server.log.read_text())
        assert [status(key) for key in ("new", "old")] == [200, 401]


def test_a_bad_file_ends_the_start_with_a_sentence(tiny: Path, file: Path) -> None:
    given = {"BOOTH_MODELS": str(tiny), "BOOTH_PORT": "0", "BOOTH_API_KEYS_FILE": str(file)}
    ended = subprocess.run(
        [sys.executable, "-m", "service", "serve"],
        env=clean_environment(**given),
        capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Error: BOOTH_API_KEYS_FILE=")
