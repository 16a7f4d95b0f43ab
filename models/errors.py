"""What a person at the command line can put right: one root, caught once, in one sentence.

* UserError
  + ModelError    a model file that can't be used
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

__all__ = ["ModelError", "UserError", "first_fault", "validation_as"]


class UserError(Exception):
    """The root of all errors whose text tells a user what was wrong and what would be right.

    The command line prints that sentence and exits with status 1; nothing in between need catch it.
    """


class ModelError(UserError):
    """A model file is missing, damaged, not made as Booth's model files are, or can't run here."""


@contextmanager
def validation_as(kind: type[UserError]) -> Iterator[None]:
    """Tell what pydantic refuses in here as an error of this kind."""
    try:
        yield
    except ValidationError as error:
        raise kind(first_fault(error)) from None


def first_fault(error: ValidationError) -> str:
    """What pydantic found first, as a sentence for people."""
    fault = error.errors()[0]
    place = ".".join(map(str, fault["loc"]))
    reason = fault["msg"].removeprefix("Value error, ")
    if not place:
        return f"{reason}."
    return f"The {place} can't be {str(fault['input'])[:80]!r}: {reason}."
