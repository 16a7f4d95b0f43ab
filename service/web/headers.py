"""What every response tells browsers: what it may load, and who may show it in a frame."""

from __future__ import annotations

import base64
import hashlib

__all__ = ["DOCS_POLICY", "notice_policy", "security_headers"]

POLICY = b"content-security-policy"

# An answer is data: whatever it holds, a browser runs and loads nothing of it.
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"

# Swagger UI starts with a script in its page.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)

_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_API = (*_ALWAYS, (POLICY, _API_POLICY.encode()))


def notice_policy(script: str) -> str:
    """Of the notice that stands for the page: it has a style and this one script, and no more."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "frame-ancestors 'none'"
    )


def security_headers(given: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The headers to add to a response that has those ``given``; a policy of its own is left to it.

    Whoever brings a policy is a page, and may bring the others as well.
    """
    if not any(name == POLICY for name, _ in given):
        return _API
    return tuple(header for header in _ALWAYS if header not in given)
