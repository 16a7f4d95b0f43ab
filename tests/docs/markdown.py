"""What the tests of the documents read from them: code blocks, commands, headings, links."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

_FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s+#\s.*$")
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_STARTS = ("booth ", "docker ", "make ", "python -m ")
_LINK = re.compile(r"\]\(\s*([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\s*\)")
_AUTOLINK = re.compile(r"<([a-z]+://[^>\s]+)>")
_REFERENCE = re.compile(r"^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of code, with the language that its fence names."""

    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command of a document, and the output that the document shows of it."""

    line: str
    output: str = ""


def documents() -> list[Path]:
    """Every Markdown file of the repository, from its root."""
    found: list[Path] = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [one for one in below if not one.startswith(".") and one != "build"]
        found += [Path(folder, name).relative_to(ROOT) for name in names if name.endswith(".md")]
    return sorted(found)


def read(document: str | Path) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    return [Block(language, inside) for language, inside in _FENCED.findall(text)]


def commands(text: str) -> list[Command]:
    """All lines of a block ``sh``; of a block ``console`` those after ``$``, with their output."""
    found: list[Command] = []
    for block in blocks(text):
        if block.language == "sh":
            lines = [_COMMENT.sub("", line).strip() for line in block.text.splitlines()]
            found += [Command(line) for line in lines if line and not line.startswith("#")]
        elif block.language == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                found.append(Command(line, output))
    return found


def mentioned(text: str) -> list[str]:
    """The commands that stand in the sentences of a document."""
    spans = _INLINE_CODE.findall(_FENCED.sub("", text))
    return [span for span in spans if span.startswith(_STARTS)]


def programs(text: str) -> list[Command]:
    """The Python of a document, each with the output that the block after it shows."""
    found = blocks(text)
    return [
        Command(block.text, after.text if after.language == "text" else "")
        for block, after in zip(found, [*found[1:], Block("", "")], strict=True)
        if block.language == "python"
    ]


def tables(text: str) -> list[list[str]]:
    """The lines of each table of a document: those that begin with a bar and follow each other."""
    found: list[list[str]] = [[]]
    for line in _FENCED.sub("", text).splitlines():
        if line.lstrip().startswith("|"):
            found[-1].append(line.strip())
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def links(text: str) -> list[str]:
    """Where the links and pictures of a document lead; code has none."""
    prose = _INLINE_CODE.sub("", _FENCED.sub("", text))
    return [target for form in (_LINK, _AUTOLINK, _REFERENCE) for target in form.findall(prose)]


def anchors(text: str) -> set[str]:
    """What may follow ``#`` in a link to a document, as GitHub makes it of the headings."""
    return set(_anchors(_FENCED.sub("", text)))


def _anchors(prose: str) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for heading in _HEADING.findall(prose):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        yield f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor
        seen[anchor] += 1
