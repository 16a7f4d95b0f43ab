"""The service's settings: environment variables ``BOOTH_*``, read once at start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from models.errors import UserError
from models.home import default_model_folder

__all__ = ["ELSEWHERE", "BadSettings", "Settings", "digest_of", "read_settings", "root_path_of"]

PREFIX = "BOOTH_"

# Read by other parts of Booth, so not misspelt here: the client's and the page's, and the pull's.
ELSEWHERE = ("BOOTH_URL", "BOOTH_API_KEY", "BOOTH_WEIGHTS_URL")

SECRET = ("BOOTH_API_KEYS",)

# What Kubernetes puts into each container's environment for each Service of its namespace.
_OF_A_SERVICE = re.compile(
    r"BOOTH(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_ADDRESS = re.compile(r"(tcp|udp|sctp)://")

Format = Literal["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]
_FORMATS: dict[str, Format] = {name.upper(): name for name in get_args(Format)}

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~@+-]+)+")
# The first parts of the service's and the page's paths: with one of them as a prefix, nobody could
# tell whether a proxy has taken it off.
_OWN_PATHS = (
    *("classify", "label-map", "models", "livez", "readyz", "metrics", "docs", "openapi.json"),
    *("page", "assets", "static", "config", "theme.css", "favicon.ico", "manifest.json"),
    *("patches", "move", "many", "dashboard"),
)


class BadSettings(UserError):
    """An environment variable ``BOOTH_*`` is unknown or has a value it can't have."""


class Settings(BaseModel):
    """Everything that can be set. The defaults serve a laptop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for all")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    models: tuple[str, ...] = Field(
        ("places365", "efficientnet_lite0"),
        min_length=1,
        description="models to serve, by name or path, separated by commas; the first is the "
        "default; * stands for every file in `BOOTH_MODEL_DIR` and for what ships, without those "
        "that can't be used",
    )
    model_dir: Path = Field(
        default_factory=default_model_folder, description="folder of the pulled and exported models"
    )
    max_body_bytes: int = Field(20_000_000, gt=0, description="largest request body")
    formats: tuple[Format, ...] = Field(
        get_args(Format),
        min_length=1,
        description="formats of photographs to decode, separated by commas",
    )
    max_pixels: int = Field(64_000_000, gt=0, description="largest photograph, width x height")
    max_photos: int = Field(64, gt=0, description="most photographs in one request")
    memory_bytes: int = Field(
        0,
        ge=0,
        description="most memory of the process, models included; 0 for three quarters of what the "
        "container or the machine has",
    )
    queue_size: int = Field(
        256, gt=0, description="photographs accepted and not yet answered, per model"
    )
    max_batch_size: int = Field(
        4, gt=0, le=1024, description="most photographs in one run; 4 suits CPUs, 32 a GPU"
    )
    deadline_ms: int = Field(
        10_000, gt=0, description="time a photograph may take if its sender names none"
    )
    body_timeout_ms: int = Field(
        10_000, gt=0, description="time a request's body may take to arrive"
    )
    keep_alive_ms: int = Field(
        75_000,
        gt=0,
        description="time that a connection is kept open for a further request; longer than the "
        "balancer in front keeps it, which is often 60 s",
    )
    stall_ms: int = Field(
        30_000, gt=0, description="time without progress after which `/readyz` turns red"
    )
    slots: int = Field(
        0, ge=0, description="runs of one model that may go on at the same time; 0 for one a core"
    )
    threads: int = Field(
        0, ge=0, description="CPU threads of each of these runs; 0 shares the cores among the slots"
    )
    providers: tuple[str, ...] = Field(
        (),
        description="execution providers to try, separated by commas: tensorrt, cuda, openvino, "
        "cpu; empty for all that are installed, in that order",
    )
    api_keys: tuple[SecretStr, ...] = Field(
        (),
        description="keys of which every request needs one, or their digests as `booth key` prints "
        "them, separated by commas; empty for none; with keys, the page is not served here; "
        "only digests are kept",
    )
    api_keys_file: str = Field(
        "",
        description="file of more such keys or digests, one a line, # for comments; SIGHUP has it "
        "read again",
    )
    rate_limit_per_minute: int = Field(
        0,
        ge=0,
        description="photographs, and requests without any, a minute from one key, or without keys "
        "from one address; 0 for no limit",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="addresses and networks of proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Prefix` are believed, separated by commas; empty for none",
    )
    root_path: str = Field(
        "",
        description="prefix of all paths, such as /booth, under which a proxy offers Booth; a "
        "trusted proxy may name another one in `X-Forwarded-Prefix`",
    )
    cors_origins: tuple[str, ...] = Field(
        (),
        description="sites whose pages may ask the API from a browser, such as "
        "https://app.example.org, separated by commas; * for all; empty for none",
    )
    cache_bytes: int = Field(
        0, ge=0, description="memory for answers given before; 0 for no cache and no `ETag`"
    )
    drain_ms: int = Field(
        1000, ge=0, description="time to go on answering after SIGTERM while `/readyz` is red"
    )
    grace_ms: int = Field(
        25_000,
        gt=0,
        description="longest time from SIGTERM to the end; what is accepted by then is answered",
    )
    log: Literal["text", "json"] = Field("text", description="form of the log lines")
    log_lines_per_second: int = Field(
        100,
        ge=0,
        description="most requests a second that get a line; as many again for answers from 500 on",
    )
    otlp_endpoint: str = Field(
        "",
        description="collector of OpenTelemetry traces over HTTP, such as http://collector:4318; "
        "empty for no traces",
    )
    trace_share: float = Field(
        0.05, ge=0, le=1, description="share of the requests that are traced, 0 to 1"
    )
    demo: bool = Field(True, description="serve the page at `/`, if Gradio is installed")

    @field_validator(
        "models", "providers", "api_keys", "trusted_proxies", "cors_origins", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("formats", mode="before")
    @classmethod
    def _as_spelt(cls, names: object) -> object:
        if isinstance(names, str):
            given = dict.fromkeys(name.strip().upper() for name in names.split(","))
            return tuple(_FORMATS.get(name, name) for name in given if name)
        return names

    @field_validator("api_keys", mode="before")
    @classmethod
    def _are_keys(cls, value: object) -> object:
        if isinstance(value, str) and value and not value.strip(", \t\r\n"):
            raise ValueError("it is set, but holds no key; unset it to serve without keys")
        return value

    @field_validator("api_keys")
    @classmethod
    def _as_digests(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return tuple(SecretStr(digest_of(key.get_secret_value())) for key in keys)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ip_network(one)
            except ValueError:
                raise ValueError(
                    f"{one!r} is neither an address nor a network such as 10.0.0.0/8"
                ) from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        origins = tuple(map(_origin, value))
        for one in origins:
            if one != "*" and not _ORIGIN.fullmatch(one):
                raise ValueError(
                    f"{one!r} is neither * nor a scheme, a host and perhaps a port, such as "
                    "https://app.example.org"
                )
        return origins

    @field_validator("root_path")
    @classmethod
    def _is_root_path(cls, value: str) -> str:
        return root_path_of(value)

    @field_validator("model_dir")
    @classmethod
    def _expand(cls, folder: Path) -> Path:
        return folder.expanduser()

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_url(cls, value: str) -> str:
        url = urlsplit(value)
        if value and (url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc):
            raise ValueError(
                "it must be a URL without a password in it, such as http://collector:4318"
            )
        return value

    @property
    def asks_for_keys(self) -> bool:
        """Whether a request needs a key."""
        return bool(self.api_keys or self.api_keys_file)

    def __str__(self) -> str:
        """One ``BOOTH_NAME=value`` a line, secrets hidden."""
        return "\n".join(f"{variable(name)}={_shown(value)}" for name, value in self)


def digest_of(key: str) -> str:
    """What is kept of a key: ``sha256:`` and its digest in hexadecimal. A digest is one already.

    Raises:
        ValueError: it begins as a digest, but is none.

    """
    if not key.lower().startswith("sha256:"):
        return f"sha256:{sha256(key.encode()).hexdigest()}"
    if not _DIGEST.fullmatch(digest := key.lower()):
        raise ValueError("after sha256: there must be 64 hexadecimal digits")
    return digest


def root_path_of(text: str) -> str:
    """A prefix of paths as it stands before them: ``/booth``; "" where it is none.

    Raises:
        ValueError: it is no path, or one of Booth's own.

    """
    path = text.rstrip("/")
    if not path:
        return ""
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError("it must be a path of letters, digits and -._~@+, such as /booth")
    if path.split("/")[1] in _OWN_PATHS:
        raise ValueError(f"{path} is an address of Booth's own; take another one, such as /booth")
    return path


def _origin(text: str) -> str:
    """An origin as browsers write it: without the scheme's usual port."""
    origin = text.lower().removesuffix("/")
    return re.sub(r"^(http://.*):80$|^(https://.*):443$", r"\1\2", origin)


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings as the environment gives them.

    Raises:
        BadSettings: a ``BOOTH_*`` variable is unknown (the nearest name is told) or wrong.

    """
    environ = os.environ if environ is None else environ
    known = [variable(field) for field in Settings.model_fields]
    for name in environ:
        if name.startswith(PREFIX) and name not in known and not _is_foreign(name, environ[name]):
            # Without the prefix, which makes all of them alike.
            close = get_close_matches(name.removeprefix(PREFIX).lower(), Settings.model_fields, n=1)
            hint = (
                f"did you mean {variable(close[0])}?" if close else "see docs/settings.md for all."
            )
            raise BadSettings(f"There is no setting {name}; {hint}")
    given = {f: environ[variable(f)] for f in Settings.model_fields if variable(f) in environ}
    if _ADDRESS.match(given.get("port", "")):
        del given["port"]  # Kubernetes' own, of a Service that is named booth
    try:
        return Settings.model_validate(given)
    except ValidationError as cause:
        first = cause.errors()[0]
        name = variable(str(first["loc"][0]))
        hidden = name in SECRET or "@" in environ[name]
        shown = name if hidden else f"{name}={environ[name]!r}"
        raise BadSettings(f"{shown} won't do: {first['msg']}.") from None


def _is_foreign(name: str, value: str) -> bool:
    """Whether it is read elsewhere, or Kubernetes' own, of a Service named booth or booth-...."""
    by_name = name in ELSEWHERE or _OF_A_SERVICE.fullmatch(name)
    return bool(by_name or (name.endswith("_PORT") and _ADDRESS.match(value)))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
