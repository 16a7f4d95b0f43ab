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

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from models.errors import UserError
from models.home import default_model_folder
from service.env_file import Variable, read_env_file

__all__ = [
    "ELSEWHERE",
    "PAGE_VIEWS",
    "SECRET",
    "UNIX",
    "BadSettings",
    "Settings",
    "digest_of",
    "read_settings",
    "root_path_of",
]

PREFIX = "BOOTH_"

# The address of whoever comes over a Unix socket, which tells none.
UNIX = "unix"
_ENV_FILE = "BOOTH_ENV_FILE"

# Read by other parts of Booth, so not misspelt here: the client's and the page's, and the pull's.
ELSEWHERE = ("BOOTH_URL", "BOOTH_API_KEY", "BOOTH_API_KEY_FILE", "BOOTH_WEIGHTS_URL")

# Whose values are never told, and taken out of the environment once they are read.
SECRET = ("BOOTH_API_KEYS", "BOOTH_MANAGEMENT_KEYS")

# By which clouds tell a container what Booth's own variables would; those come first.
_OF_CLOUDS = {
    "port": ("SAGEMAKER_BIND_TO_PORT", "AIP_HTTP_PORT"),
    "health_route": ("AIP_HEALTH_ROUTE",),
    "predict_route": ("AIP_PREDICT_ROUTE",),
    "repository": ("AIP_STORAGE_URI",),
}

# What Kubernetes puts into each container's environment for each Service of its namespace.
_OF_A_SERVICE = re.compile(
    r"BOOTH(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_ADDRESS = re.compile(r"(tcp|udp|sctp)://")

Format = Literal["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]
_FORMATS: dict[str, Format] = {name.upper(): name for name in get_args(Format)}

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


# As Vertex AI makes them: /v1/endpoints/1/deployedModels/2:predict
_ROUTE = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~@+:-]+)+/?")
_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~@+-]+)+")
# Addresses of the page's views; tests/demo holds the page to them.
PAGE_VIEWS = (
    *("patches", "move", "many", "dashboard"),
    *("inside", "draw", "compare", "map", "convolve", "play"),
)
# The first parts of the service's and the page's paths: with one of them as a prefix, nobody could
# tell whether a proxy has taken it off.
_OWN_PATHS = (
    *(
        "classify",
        "label-map",
        "activations",
        "occlusion",
        "features",
        "models",
        "sources",
        "livez",
        "readyz",
        "metrics",
        "docs",
        "openapi.json",
        "v2",
    ),
    *("page", "assets", "static", "config", "theme.css", "favicon.ico", "manifest.json"),
    *("v1", "hf", "ping", "invocations"),
    *PAGE_VIEWS,
)
# What of these may be a route all the same: it answers what is asked there, or is nobody's.
_HEALTH_ROUTE = re.compile(r"/(livez|readyz|ping|v2/health/(live|ready))|/v1/endpoints/.+")
_PREDICT_ROUTE = re.compile(
    r"/invocations|/v1/models/[^/]+(/versions/[^/]+)?:predict|/v1/endpoints/.+"
)


class BadSettings(UserError):
    """An environment variable ``BOOTH_*`` is unknown or has a value it can't have."""


class Settings(BaseModel):
    """Everything that can be set. The defaults serve a laptop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env_file: str = Field(
        "",
        description="file of further settings, BOOTH_NAME=value a line, # for comments; the "
        "environment comes before it",
    )
    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for all")
    uds: str = Field(
        "",
        description="path of a Unix socket to listen on, in place of address and port; empty for "
        "none",
    )
    uds_mode: str = Field(
        "660",
        pattern=r"^0?[0-7]{3}$",
        description="who may connect to it, as chmod takes it; 666 for everybody",
    )
    port: int = Field(
        8000,
        ge=0,
        le=65535,
        description="port to listen on; 0 takes a free one; without it `SAGEMAKER_BIND_TO_PORT` or "
        "`AIP_HTTP_PORT`, which clouds set",
    )
    grpc_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="port to listen on for the Open Inference Protocol over gRPC, such as 8001, at "
        "`BOOTH_HOST`; needs the extra `grpc`; 0 for none",
    )
    models: tuple[str, ...] = Field(
        ("places365", "efficientnet_lite0", "lenet5"),
        min_length=1,
        description="models to serve, by name or path, separated by commas; the first is the "
        "default; * stands for every file in `BOOTH_MODEL_DIR` and for what ships, without those "
        "that can't be used",
    )
    model_dir: Path = Field(
        default_factory=default_model_folder, description="folder of the pulled and exported models"
    )
    repository: str = Field(
        "",
        description="folder, or URL of a bucket (s3, gs, http), of further model files, which are "
        "loaded and unloaded as they come and go; empty for none; without it `AIP_STORAGE_URI`, "
        "which Vertex AI sets",
    )
    repository_poll_ms: int = Field(
        10_000,
        ge=0,
        description="time between two looks into the repository; 0 for looks at SIGHUP and over "
        "the management routes alone",
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
    management_keys: tuple[SecretStr, ...] = Field(
        (),
        description="keys or digests, as in `BOOTH_API_KEYS`, that load, unload and roll out "
        "models over HTTP, and open all that an ordinary key opens; empty for no such routes",
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
        "`X-Forwarded-Prefix` are believed, separated by commas; unix for whoever connects to "
        "`BOOTH_UDS`; empty for none",
    )
    root_path: str = Field(
        "",
        description="prefix of all paths, such as /booth, under which a proxy offers Booth; a "
        "trusted proxy may name another one in `X-Forwarded-Prefix`",
    )
    health_route: str = Field(
        "",
        description="one more path of `/readyz`, such as /health; without it `AIP_HEALTH_ROUTE`, "
        "which Vertex AI sets",
    )
    predict_route: str = Field(
        "",
        description="path at which `instances` in JSON are labelled, such as /predict; without it "
        "`AIP_PREDICT_ROUTE`, which Vertex AI sets",
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
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="least weight of what is logged, the libraries' lines included; requests are "
        "info",
    )
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
    rollout: str = Field(
        "",
        description="weights of a model's versions, by which they answer requests that name none, "
        'as JSON such as {"places365": {"1": 95, "2": 5}}; without, the newest answers',
    )
    shadow: str = Field(
        "",
        description="versions that are shown a share of a model's photographs as well, and whose "
        'answers are compared and not given, as JSON such as {"places365": {"3": 0.1}}',
    )
    model_limits: str = Field(
        "",
        description="limits of one model, or one version, in place of those for all, as JSON such "
        'as {"places365": {"queue_size": 64}, "places365:2": {"slots": 1}}',
    )
    demo: bool = Field(True, description="serve the page at `/`, if Gradio is installed")

    @field_validator(
        *("models", "providers", "api_keys", "management_keys", "trusted_proxies", "cors_origins"),
        mode="before",
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

    @field_validator("api_keys", "management_keys", mode="before")
    @classmethod
    def _are_keys(cls, value: object) -> object:
        if isinstance(value, str) and value and not value.strip(", \t\r\n"):
            raise ValueError("it is set, but holds no key; unset it to serve without keys")
        return value

    @field_validator("api_keys", "management_keys")
    @classmethod
    def _as_digests(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        return tuple(SecretStr(digest_of(key.get_secret_value())) for key in keys)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                if one != UNIX:
                    ip_network(one)
            except ValueError:
                raise ValueError(
                    f"{one!r} is neither an address, nor a network such as 10.0.0.0/8, nor {UNIX}"
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

    @field_validator("health_route")
    @classmethod
    def _is_health_route(cls, value: str, info: ValidationInfo) -> str:
        return _route(value, _HEALTH_ROUTE, "/health", info.data.get("root_path"))

    @field_validator("predict_route")
    @classmethod
    def _is_predict_route(cls, value: str, info: ValidationInfo) -> str:
        # A path of both would need no key.
        if value and value == info.data.get("health_route"):
            raise ValueError("it is the health route as well; take another one, such as /predict")
        return _route(value, _PREDICT_ROUTE, "/predict", info.data.get("root_path"))

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

    @field_validator("repository")
    @classmethod
    def _is_without_secrets(cls, value: str) -> str:
        if "://" in value and any(mark in value for mark in "@?#"):
            raise ValueError(
                "it must be a URL without user, password or query, such as s3://bucket/models; the "
                "store's own variables say who asks"
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


def _route(path: str, possible: re.Pattern[str], example: str, root_path: str | None) -> str:
    """A path of its own, or one of Booth's that is ``possible``; never one under the prefix."""
    if path and not _ROUTE.fullmatch(path):
        raise ValueError(f"it must be a path of letters, digits and -._~@+:, such as {example}")
    if path and path.split("/")[1] in _OWN_PATHS and not possible.fullmatch(path):
        raise ValueError(
            f"{path} is an address of Booth's own; take another one, such as {example}"
        )
    if root_path and f"{path}/".startswith(f"{root_path}/"):
        raise ValueError(f"it stands without the prefix {root_path}; leave that out, or change it")
    return path


def _origin(text: str) -> str:
    """An origin as browsers write it: without the scheme's usual port."""
    origin = text.lower().removesuffix("/")
    return re.sub(r"^(http://.*):80$|^(https://.*):443$", r"\1\2", origin)


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings as the environment gives them, and behind it the file that it names.

    Raises:
        BadSettings: a ``BOOTH_*`` variable is unknown (the nearest name is told) or wrong, or the
            file won't do.

    """
    environ = os.environ if environ is None else environ
    of_file = _of_file(environ.get(_ENV_FILE, ""))
    places = {
        name: f" ({environ[_ENV_FILE]}, line {one.line})"
        for name, one in of_file.items()
        if name not in environ
    }
    environ = {**{name: one.value for name, one in of_file.items()}, **environ}
    for name in environ:
        if name.startswith(PREFIX) and not _is_known(name) and not _is_foreign(name, environ[name]):
            raise BadSettings(f"There is no setting {name}{places.get(name, '')}; {_hint(name)}")
    given = {f: environ[variable(f)] for f in Settings.model_fields if variable(f) in environ}
    if _ADDRESS.match(given.get("port", "")):
        del given["port"]  # Kubernetes' own, of a Service that is named booth
    source = {field: variable(field) for field in given}
    for field, names in _OF_CLOUDS.items():
        for foreign in filter(environ.get, names):
            source.setdefault(field, foreign)
            given.setdefault(field, environ[foreign])
    try:
        return Settings.model_validate(given)
    except ValidationError as cause:
        first = cause.errors()[0]
        name = source[str(first["loc"][0])]
        hidden = name in SECRET or any(mark in environ[name] for mark in "@?")
        shown = name if hidden else f"{name}={environ[name]!r}"
        why = first["msg"].removeprefix("Value error, ")
        raise BadSettings(f"{shown}{places.get(name, '')} won't do: {why}.") from None


def _of_file(name: str) -> dict[str, Variable]:
    """What a file of settings says; nothing where none is named."""
    if not name:
        return {}
    try:
        found = read_env_file(Path(name).expanduser())
    except OSError as error:
        raise BadSettings(f"{_ENV_FILE}={name!r} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise BadSettings(f"{_ENV_FILE}={name!r} won't do: {error}.") from None
    for given, (_, line) in found.items():
        if not _is_known(given):
            raise BadSettings(f"There is no setting {given} ({name}, line {line}); {_hint(given)}")
        if given == _ENV_FILE:
            raise BadSettings(f"{_ENV_FILE} can't stand in the file itself ({name}, line {line}).")
    return found


def _is_known(name: str) -> bool:
    return name in {variable(field) for field in Settings.model_fields}


def _hint(name: str) -> str:
    # Without the prefix, which makes all of them alike.
    close = get_close_matches(name.removeprefix(PREFIX).lower(), Settings.model_fields, n=1)
    return f"did you mean {variable(close[0])}?" if close else "see docs/settings.md for all."


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
