"""The one way from another maker's ONNX file to a model file: read, ask, wrap, prove, write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from export.adoption.evidence import told_by_the_graph
from export.adoption.facts import Facts, Told, merged
from export.adoption.findings import Findings
from export.adoption.graph import batched, one_by_one
from export.adoption.metadata import told_beside, told_by_the_file
from export.adoption.notes import notes_on
from export.adoption.original import AdoptionError, read_original, runnable
from export.adoption.outputs import find_scores, wrong_number
from export.adoption.preprocessing import Preprocessing, usual
from export.adoption.proof import answers_of, check_served, compare, run_original
from export.adoption.signature import photo_input
from export.adoption.size import multiply_adds, parameters, precision_of
from export.graph.file import write_model
from export.photographs import photographs_in, shipped_photographs
from models.card import Card, Label, Parity, Weights
from models.errors import validation_as
from service.runtimes.base import in_a_line

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from onnx import ModelProto

    from export.adoption.original import Original
    from export.adoption.outputs import Meaning
    from export.adoption.signature import Layout, PhotoInput

__all__ = ["Wishes", "adopt_model"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person says of the model.

    Attributes:
        name: Of the model, in the service.
        version: Likewise.
        title: For people.
        facts: Of its input and labels, before what anybody else tells.
        layout: Of its input.
        output: The output to take.
        meaning: Of the output's numbers.
        photos: A folder of photographs to prove it on; None takes Booth's own.

    """

    name: str
    version: str
    title: str
    facts: Facts
    layout: Layout | None = None
    output: str | None = None
    meaning: Meaning | None = None
    photos: Path | None = None


def adopt_model(
    path: Path, out: Path, wishes: Wishes, progress: Progress
) -> tuple[Card, list[str]]:
    """Make a model file of another maker's, and prove that it answers alike.

    Args:
        path: The original.
        out: The file to write; it appears whole, or not at all.
        wishes: What a person says of it.
        progress: Called with the name of each step as it begins.

    Returns:
        The card, and a line on each thing that had to be found out.

    Raises:
        AdoptionError: It can't be adopted; nothing was written.

    """
    progress("Reading the network")
    findings = _findings(read_original(path), wishes, progress)
    _check_labels(findings)
    progress("Proving the model file on them")
    model, parity, how = _proven(findings)
    card = _card(findings, model, wishes, parity)
    check_served(model, card, out)
    write_model(model, card, out)
    return card, notes_on(findings, how)


def _findings(original: Original, wishes: Wishes, progress: Progress) -> Findings:
    photo = photo_input(original, wishes.layout)
    session = runnable(original)
    facts, by = merged(_tellers(original, photo, wishes.facts))
    wanted = Preprocessing.of(photo, facts, by)
    photos = _photographs(wishes.photos, wanted)
    progress(f"Running it on {len(photos)} photographs")
    answers = run_original(original, session, wanted, photos)
    labels = len(facts.labels) if facts.labels else None
    scores = find_scores(
        original, answers, len(photos), labels, output=wishes.output, meaning=wishes.meaning
    )
    return Findings(original, wanted, scores, facts, by, photos, answers)


def _tellers(original: Original, photo: PhotoInput, asked: Facts) -> list[Told]:
    """All who tell something, the one to be believed first at the front.

    Raises:
        AdoptionError: Two of them contradict each other on the scale of the pixels.

    """
    person = Told("as asked for", asked)
    files = [*told_by_the_file(original), *told_beside(original.path)]
    graph = told_by_the_graph(original, photo)
    if photo.takes_bytes:
        return [person, *graph, *files, usual(photo)]
    told = merged(files)[0]
    if graph and told.mean and not asked.mean and (told.mean, told.std) != _scale(graph[0]):
        teller = merged(files)[1]["mean"]
        raise AdoptionError(
            f"Of the pixels of {original.path.name}, {teller} tells one mean, but {graph[0].by}: "
            "say which pixels it takes with --range, or with --mean and --std."
        )
    return [person, *files, *graph, usual(photo)]


def _scale(told: Told) -> tuple[object, object]:
    return told.facts.mean, told.facts.std


def _photographs(folder: Path | None, wanted: Preprocessing) -> NDArray[np.uint8]:
    if folder is None:
        return shipped_photographs(wanted.input).proof
    return photographs_in(folder, wanted.input).proof


def _check_labels(findings: Findings) -> None:
    original, scores, labels = findings.original, findings.scores, findings.facts.labels
    if labels is None:
        raise AdoptionError(
            f"Nothing in {original.path.name} names its {scores.labels} labels: give --labels "
            "with a file that has one a line, in the order of the outputs."
        )
    if len(labels) != scores.labels:
        raise wrong_number(original, scores.count, len(labels))
    own = merged(told_by_the_file(original))[0].labels or ()
    for place, (its, given) in enumerate(zip(own, labels, strict=False)):
        if its.category != given.category and {*_names(own)} == {*_names(labels)}:
            raise AdoptionError(
                f"The labels are those of {original.path.name} itself, but in another order: its "
                f"output {place} is {its.category!r}, and {given.category!r} was given; leave "
                "--labels out."
            )


def _names(labels: Iterable[Label]) -> list[str]:
    return [label.category for label in labels]


def _proven(findings: Findings) -> tuple[ModelProto, Parity, str]:
    """The first form of the model file that answers as the original does, its parity, its form.

    Raises:
        AdoptionError: None does.

    """
    original, batch = findings.original, findings.wanted.photo.batch
    forms = [(batched, "in batches of any size")]
    if batch in (None, 1):
        forms.append((one_by_one, "one photograph after the other, for its graph is made for one"))
    fault = ""
    for make, how in forms:
        try:
            model = make(original.model, findings.wanted, findings.scores)
            return model, _parity(model, findings), how
        except AdoptionError as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 (whatever ONNX Runtime raises: it does not run)
            fault = f"it can't be run: {in_a_line(error).rstrip('.')}"
    advice = (
        f" Export it with a batch of any size, not of {batch}." if batch not in (None, 1) else ""
    )
    raise AdoptionError(
        f"The model file made of {original.path.name} does not answer as it does, so nothing was "
        f"written: {fault}.{advice}"
    )


def _parity(model: ModelProto, findings: Findings) -> Parity:
    found = answers_of(model, findings.photos)
    return compare(found, findings.probabilities, precision_of(findings.original.model))


def _card(findings: Findings, model: ModelProto, wishes: Wishes, parity: Parity) -> Card:
    original, facts, square = findings.original, findings.facts, findings.wanted.input
    with validation_as(AdoptionError):
        return Card(
            name=wishes.name,
            version=wishes.version,
            title=wishes.title,
            architecture=facts.architecture or "unknown",
            parameters=parameters(model),
            multiply_adds=multiply_adds(original.model, square.size),
            precision=precision_of(original.model),
            input=square,
            labels=facts.labels or (),
            weights=Weights(
                origin=f"{original.path.name}, an ONNX file by {original.maker}",
                sha256=original.sha256,
                licence=facts.licence or "unknown",
            ),
            parity=parity,
        )
