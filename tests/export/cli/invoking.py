"""Commands run in this process, and the sentence with which they refuse what a user asked."""

from __future__ import annotations

from click import Command
from click.testing import CliRunner, Result

from models.errors import UserError


def run(command: Command, *words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


def refused(result: Result) -> str:
    """The error that the command line catches once, for all commands; or click's of the usage."""
    if isinstance(result.exception, UserError):
        sentence = str(result.exception)
        assert "\n" not in sentence
        return sentence
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.output
    return result.stderr.replace("\n", " ")
