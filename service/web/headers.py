"""What every response tells browsers: what it may load, and who may show it in a frame."""

from __future__ import annotations

__all__ = ["DOCS_POLICY", "PAGE_POLICY", "security_headers"]

POLICY = b"content-security-policy"

# An answer is data: whatever it holds, a browser runs and loads nothing of it.
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"

# Swagger UI starts with a script in its page.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)

# Gradio makes functions of text, and styles as it goes; a photograph is shown from the browser's
# own memory (blob:), the camera as well.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'self'"
)

_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_API = (*_ALWAYS, (POLICY, _API_POLICY.encode()))
_PAGE = (*_ALWAYS, (POLICY, PAGE_POLICY.encode()))


def security_headers(
    given: list[tuple[bytes, bytes]], *, is_page: bool
) -> tuple[tuple[bytes, bytes], ...]:
    """The headers to add to a response; a policy of its own is left to it.

    Args:
        given: the headers that it has.
        is_page: it is the page's, and no answer of the API.

    """
    if any(name == POLICY for name, _ in given):
        return _ALWAYS
    return _PAGE if is_page else _API
