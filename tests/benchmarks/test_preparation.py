"""What is measured with: the model, the photographs, and the network's own answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.preparation import add_options, prepare


def test_the_photographs_are_laid_out_in_the_order_of_their_answers(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, seconds=3)
    bench = prepare(parser.parse_args(["--sample", "2"]), tmp_path)
    assert [file.read_bytes() for file in sorted(tmp_path.iterdir())] == bench.photos
    assert len(bench.photos) == len(bench.expected) == 2
    assert bench.model.name == "efficientnet_lite0.onnx"
    assert (bench.seconds, bench.warm_up_s) == (3, 1)
