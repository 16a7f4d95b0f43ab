"""What a person at the command line can put right: one root, caught once, in one sentence.

* UserError
  + ModelError    a model file that can't be used
"""

from __future__ import annotations

__all__ = ["ModelError", "UserError"]


class UserError(Exception):
    """The root of all errors whose text tells a user what was wrong and what would be right.

    The command line prints that sentence and exits with status 1; nothing in between need catch it.
    """


class ModelError(UserError):
    """A model file is missing, damaged, not made as Booth's model files are, or can't run here."""
