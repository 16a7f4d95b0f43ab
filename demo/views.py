"""What the page shows, as HTML: pure functions of an answer, an error or a card."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from booth_client import errors
from demo.samples import SAMPLES, Sample

if TYPE_CHECKING:
    from booth_client.wire import Accuracy, Answer, Calibration, Card, Prediction, Timing


__all__ = [
    "ANSWER",
    "ASSETS",
    "answer",
    "facts",
    "footer",
    "header",
    "percent",
    "photo",
    "problem",
    "waiting",
]

ASSETS = Path(__file__).parent / "assets"

# Beside a label that no labelled photograph taught; below the list stands the reason.
UNMEASURED = (
    "Learned from another network, not from labelled photographs: its confidence is unmeasured."
)
MARK = f'<sup role="img" aria-label="(distilled)" title="{escape(UNMEASURED, quote=True)}">†</sup>'

# The answer's frame stays while what it holds changes, so that screen readers read out the change.
ANSWER = '<div role="status" aria-live="polite">${value}</div>'

HEADINGS: dict[type[errors.BoothError], str] = {
    errors.BadImage: "That file is no photograph",
    errors.UnsupportedFormat: "That file is no photograph that Booth can read",
    errors.TooLarge: "That photograph is too large",
    errors.TooManyPixels: "That photograph is too large",
    errors.Overloaded: "Many photographs are waiting just now",
    errors.RateLimited: "That was a lot of photographs at once",
    errors.DeadlineExceeded: "That took too long",
    errors.ShuttingDown: "Booth is closing",
    errors.Unauthorized: "This page needs a key",
    errors.ServiceUnreachable: "Booth is away",
}


def header() -> str:
    """The name, and what it is in one line."""
    return "<header><h1>Booth</h1><p>A photograph in, five labels out.</p></header>"


def photo() -> str:
    """The place for the photograph, and the row of samples; ``photo.js`` brings it to life."""
    template = (ASSETS / "photo.html").read_text(encoding="utf-8")
    return template.format(samples="".join(map(_sample, SAMPLES)))


def waiting() -> str:
    """What stands where the answer will."""
    rows = "".join("<li><i></i></li>" for _ in range(5))
    return (
        '<div class="empty"><p class="first">Five labels will appear here</p>'
        f'<ol class="labels" aria-hidden="true">{rows}</ol></div>'
    )


def answer(got: Answer) -> str:
    """The first label in large type, the kind of environment, five bars, and the time it took."""
    first = got.predictions[0]
    rows = "".join(map(_row, got.predictions))
    return (
        f'<p class="first"><b>{percent(first.confidence)}</b> {_name(first)}</p>'
        f"{_environment(got)}"
        f'<ol class="labels">{rows}</ol>{_reason(got)}{_timing(got.timing_ms)}'
    )


def problem(error: errors.BoothError) -> str:
    """What went wrong, and, where it may pass, a button to try again."""
    heading = HEADINGS.get(type(error), "That did not work")
    again = isinstance(error, errors.Unavailable | errors.InternalError | errors.RateLimited)
    button = '<button type="button" data-do="again">Try again</button>' if again else ""
    return (
        f'<div class="problem"><p class="first">{heading}</p>'
        f"<p>{escape(_sentence(error.detail))}</p>{button}</div>"
    )


def facts(card: Card) -> str:
    """What is worth knowing about a model, folded away until asked for."""
    rows = {
        "Network": f"{card.architecture}, {card.precision}",
        "Size": f"{card.parameters / 1e6:.1f} million parameters, "
        f"{card.multiply_adds / 1e9:.2f} billion multiply-adds a photograph",
        "Labels": _labels(card),
        "Weights": f"{card.weights.origin} ({card.weights.licence})",
        "Published": _accuracy(card.published) if card.published else "",
        "Measured": "; ".join(
            f"{_accuracy(one)}, {one.photographs:,} photographs" for one in card.measured
        ),
        "Calibrated": _calibration(card.calibration) if card.calibration else "",
    }
    pairs = "".join(
        f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows.items() if value
    )
    summary = f"About {escape(card.title)}, version {escape(card.version)}"
    return f'<details class="facts"><summary>{summary}</summary><dl>{pairs}</dl></details>'


def footer(service: str) -> str:
    """Where to read on, below ``service`` ("" for the page's own), and whose the samples are."""
    # Without a slash before it an address is one below the page's, whatever prefix that has.
    here = escape(f"{service.rstrip('/')}/" if service else "", quote=True)
    whose = " ".join(map(_credit, SAMPLES))
    return (
        f'<nav aria-label="The service"><a href="{here}docs">HTTP API</a>'
        f'<a href="{here}models">Models</a><a href="{here}metrics">Metrics</a></nav>'
        f'<p class="credits">Sample photographs: {whose}</p>'
    )


def percent(share: float) -> str:
    """A share of 1 for people: ``72 %``, with a decimal where rounding would hide something."""
    hundredths = 100 * share
    decimals = 0 if 10 <= hundredths < 99.5 else 1  # noqa: PLR2004
    return f"{hundredths:.{decimals}f}&#8239;%"


def _row(one: Prediction) -> str:
    return (
        f'<li style="--share:{one.confidence:.4f}" title="{escape(one.category, quote=True)}">'
        f"<span>{_name(one)}</span><b>{percent(one.confidence)}</b><i></i></li>"
    )


def _name(one: Prediction) -> str:
    return escape(one.label) + (MARK if one.basis == "distilled" else "")


def _reason(got: Answer) -> str:
    if all(one.basis != "distilled" for one in got.predictions):
        return ""
    return f'<p class="reason"><span aria-hidden="true">†</span> {escape(UNMEASURED)}</p>'


def _environment(got: Answer) -> str:
    if got.environment is None:
        return ""
    return f'<p class="environment">Type of environment: <b>{got.environment.kind}</b></p>'


def _timing(spent: Timing) -> str:
    return (
        f'<p class="timing"><b>{spent.total:.1f}&#8239;ms</b> &ensp;'
        f"<span>decode {spent.decode:.1f} ·</span> <span>queue {spent.queue:.1f} ·</span> "
        f"<span>inference {spent.inference:.1f}</span></p>"
    )


def _labels(card: Card) -> str:
    count = f"{len(card.labels):,}{', scenes' if card.is_scene_model else ''}"
    distilled = sum(label.basis == "distilled" for label in card.labels)
    if not distilled:
        return count
    return f"{count}; {distilled:,} of them learned from another network's answers alone"


def _calibration(one: Calibration) -> str:
    return (
        f"confidences are off by {one.error_after:.1%} on average, {one.error_before:.1%} before "
        f"scaling, on {one.measured_on}, {one.measured_photographs:,} photographs"
    )


def _accuracy(one: Accuracy) -> str:
    top5 = "" if one.top5 is None else f", {one.top5:.1%} top-5"
    return f"{one.top1:.1%} top-1{top5} on {one.dataset}"


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _sample(one: Sample) -> str:
    address = f"page/samples/{one.file}"
    return (
        f'<li><button type="button" data-sample="{address}" title="{one.shows}">'
        f'<img src="{address}" alt="Sample: {one.shows}"></button></li>'
    )


def _credit(one: Sample) -> str:
    return f"<span>{one.shows}, {one.author} ({one.licence})</span>"
