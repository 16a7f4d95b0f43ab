"""What ships names photographs of nobody's collection: the scenes on the page's map.

The categories stand here because somebody looked at the photographs, before any answer was seen;
each is one that a person could give. Photographs that show a thing, or no one scene, are left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from PIL import Image

from demo.assets import FOLDER
from service.cli.options import DEFAULT_MODEL
from service.engine.classifier import Classifier
from service.fleet.local import local_classifier

SIDE, COLUMNS = 128, 12  # of a thumbnail, and in a row of the sheet
RUIN = {"ruin", "archaelogical_excavation"}
SCENES = {
    "aizkorri": {"mountain", "mountain_path", "mountain_snowy", "valley", "cliff"},
    "aphrodisias": RUIN,
    "arles": {"amphitheater", "arch", "ruin"},
    "baseball": {"baseball_field", "stadium/baseball"},
    "boardwalk": {"boardwalk"},
    "brook": {"creek", "river"},
    "canyon-de-chelly": {"butte", "canyon", "cliff"},
    "carcassonne": {"castle"},
    "chambord": {"castle", "mansion", "palace"},
    "chenonceau": {"castle", "moat/water", "palace"},
    "chichen-itza": RUIN,
    "clothing-store": {"clothing_store", "department_store", "gift_shop"},
    "colosseum": {"amphitheater", "arch", "ruin", "stadium/football"},
    "desert-road": {"desert_road", "highway"},
    "eiffel": {"tower"},
    "empire-state": {"downtown", "skyscraper", "tower"},
    "football": {
        "athletic_field/outdoor",
        "football_field",
        "soccer_field",
        "stadium/football",
        "stadium/soccer",
    },
    "foyer": {"entrance_hall", "lobby", "movie_theater/indoor"},
    "grand-canyon": {"butte", "canyon", "cliff"},
    "jerusalem": {"mosque/outdoor"},
    "kinderdijk": {"windmill"},
    "kitchen": {"kitchen"},
    "lake": {"lake/natural"},
    "machu-picchu": RUIN,
    "malibu": {"beach", "coast", "ocean"},
    "mysore": {"palace"},
    "neuschwanstein": {"castle"},
    "orchestra": {"auditorium", "music_studio", "orchestra_pit", "stage/indoor"},
    "parthenon": RUIN,
    "picos": {"mountain", "mountain_path", "mountain_snowy", "valley"},
    "pisa": {"tower"},
    "pont-du-gard": {"aqueduct", "arch", "bridge", "viaduct"},
    "qutb-minar": {"mosque/outdoor", "ruin", "tower"},
    "railroad": {"railroad_track"},
    "railway": {"railroad_track"},
    "reims": {"church/outdoor"},
    "route-66": {"desert_road", "field_road", "highway"},
    "schwerin": {"castle", "palace"},
    "skyline": {"downtown", "skyscraper"},
    "stream": {"creek", "forest/broadleaf", "rainforest", "river"},
    "taj-mahal": {"mausoleum", "mosque/outdoor", "palace"},
    "wave": {"ocean", "wave"},
}


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with local_classifier(DEFAULT_MODEL) as made:
        yield made


def thumbnails(side: int) -> Iterator[tuple[str, bytes]]:
    """The name of each, and the thumbnail of so many pixels without further loss."""
    sheet = Image.open(FOLDER / "gallery/sheet.jpg")
    with (FOLDER / "gallery/pictures.tsv").open(encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file, delimiter="\t")):
            top, left = (SIDE * at for at in divmod(place, COLUMNS))
            one = sheet.crop((left, top, left + SIDE, top + SIDE))
            stored = io.BytesIO()
            one.resize((side, side), Image.Resampling.BICUBIC).save(stored, "PNG")
            yield row["name"], stored.getvalue()


@pytest.mark.parametrize("side", [SIDE, 104])  # with the marks of JPEG, and without
def test_most_are_named_rightly(side: int, classifier: Classifier) -> None:
    answers = {
        name: [one.category for one in classifier.classify(thumbnail, top_k=5).predictions]
        for name, thumbnail in thumbnails(side)
        if name in SCENES
    }
    assert answers.keys() == SCENES.keys()
    wrong = {name: said for name, said in answers.items() if said[0] not in SCENES[name]}
    missed = {name: said for name, said in wrong.items() if not SCENES[name].intersection(said)}
    assert len(wrong) < len(SCENES) / 2, wrong
    assert len(missed) < len(SCENES) / 5, missed
