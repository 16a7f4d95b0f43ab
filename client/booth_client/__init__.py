"""Ask a Booth about photographs, over HTTP: ``Client``, or ``AsyncClient`` on an event loop."""

from typing import TYPE_CHECKING

from booth_client.errors import (
    BadImage,
    BadRequest,
    BoothError,
    DeadlineExceeded,
    Forbidden,
    HeadTooLarge,
    InternalError,
    InvalidParameter,
    NotReady,
    Overloaded,
    RateLimited,
    ServiceUnreachable,
    ShuttingDown,
    SlowBody,
    SlowHead,
    Starting,
    TooLarge,
    TooManyPhotos,
    TooManyPixels,
    Unauthorized,
    Unavailable,
    UnknownModel,
    UnknownVersion,
    UnsupportedCoding,
    UnsupportedFormat,
)
from booth_client.wire import (
    Accuracy,
    Answer,
    Basis,
    Bin,
    Calibration,
    Card,
    Environment,
    Input,
    Label,
    Measurement,
    ModelSummary,
    Parity,
    Prediction,
    PredictionWithBasis,
    Timing,
    Weights,
)

if TYPE_CHECKING:
    from booth_client.client import DEFAULT_URL, AsyncClient, Client, Photo
else:

    def __getattr__(name: str) -> object:
        """Import httpx with the first client: the service shares the rest, and starts without."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from booth_client import client

        return getattr(client, name)


__all__ = [
    "DEFAULT_URL",
    "Accuracy",
    "Answer",
    "AsyncClient",
    "BadImage",
    "BadRequest",
    "Basis",
    "Bin",
    "BoothError",
    "Calibration",
    "Card",
    "Client",
    "DeadlineExceeded",
    "Environment",
    "Forbidden",
    "HeadTooLarge",
    "Input",
    "InternalError",
    "InvalidParameter",
    "Label",
    "Measurement",
    "ModelSummary",
    "NotReady",
    "Overloaded",
    "Parity",
    "Photo",
    "Prediction",
    "PredictionWithBasis",
    "RateLimited",
    "ServiceUnreachable",
    "ShuttingDown",
    "SlowBody",
    "SlowHead",
    "Starting",
    "Timing",
    "TooLarge",
    "TooManyPhotos",
    "TooManyPixels",
    "Unauthorized",
    "Unavailable",
    "UnknownModel",
    "UnknownVersion",
    "UnsupportedCoding",
    "UnsupportedFormat",
    "Weights",
]
