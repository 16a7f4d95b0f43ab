from __future__ import annotations

import re

import pytest

from models.card import Weights
from models.labels import LABEL_SETS
from models.sources import SOURCES, YEARS, Source

ALL = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
PLACES = [source for source in SOURCES.values() if source.label_set == "places365"]


@ALL
def test_the_weights_are_in_exactly_one_place(source: Source) -> None:
    assert (source.url is None) != (source.package is None)


@ALL
def test_a_hash_is_whole_or_the_prefix_that_the_file_name_holds(source: Source) -> None:
    if source.sha256 is not None:
        assert re.fullmatch(r"[0-9a-f]{8,64}", source.sha256)
        assert source.sha256[:8] in source.filename
    else:
        assert source.origin.startswith("MIT")


@ALL
def test_a_source_is_found_under_its_own_name_and_has_a_label_set(source: Source) -> None:
    assert SOURCES[source.name] is source
    assert source.label_set in LABEL_SETS


@ALL
def test_its_facts_fit_a_card(source: Source) -> None:
    weights = Weights(
        origin=source.origin, url=source.location, sha256="0" * 64, licence=source.licence
    )

    assert weights.url is not None
    assert weights.url.endswith(source.filename)


@pytest.mark.parametrize(
    ("name", "size", "resize"),
    [("efficientnet_lite0", 224, 256), ("efficientnet_lite1", 240, 272), ("resnet50_v2", 224, 232)],
)
def test_a_photo_is_cut_as_the_publisher_cuts_it(name: str, size: int, resize: int) -> None:
    assert (SOURCES[name].input.size, SOURCES[name].input.resize) == (size, resize)
    assert SOURCES[name].input.keep_aspect


@pytest.mark.parametrize(
    ("architecture", "year"),
    [("alexnet", 2012), ("vgg16", 2014), ("resnet152", 2015), ("efficientnet_lite0", 2020)],
)
def test_a_network_is_as_old_as_its_paper(architecture: str, year: int) -> None:
    assert {one.year for one in SOURCES.values() if one.architecture == architecture} == {year}


def test_every_network_that_booth_builds_has_a_year() -> None:
    networks = pytest.importorskip("models.networks")
    assert set(networks.ARCHITECTURES) <= set(YEARS)


@ALL
def test_a_command_brings_it(source: Source) -> None:
    assert source.command == f"booth pull {source.name}"


def test_mits_networks_squash_the_photo_and_only_one_has_attributes() -> None:
    assert len(PLACES) == 5
    assert not any(source.input.keep_aspect for source in PLACES)
    assert [source.name for source in PLACES if source.attributes] == ["wideresnet18_places365"]


def test_the_table_can_not_be_changed_by_its_readers() -> None:
    with pytest.raises(TypeError):
        SOURCES["resnet18"] = SOURCES["resnet50"]  # type: ignore[index]
