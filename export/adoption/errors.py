"""Why a network can't be adopted."""

from __future__ import annotations

from models.errors import UserError

__all__ = ["AdoptionError"]


class AdoptionError(UserError):
    """A file can't become a model file of Booth's; the sentence says why, or what is missing."""
