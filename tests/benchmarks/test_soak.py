"""What counts as grown; tests/attack/test_soak.py soaks a server."""

from __future__ import annotations

import os

from benchmarks.soak import Sample, grown, sampled

FIRST, LATER = Sample(100e6, 10, 20), Sample(300e6, 40, 50)


def test_what_the_first_third_takes_is_no_growth() -> None:
    before, after, more = grown([FIRST] * 5 + [LATER] * 10)
    assert (before, after, more) == (LATER, LATER, False)


def test_more_memory_threads_or_files_in_the_last_third_is_growth() -> None:
    for more in (Sample(200e6, 10, 20), Sample(100e6, 30, 20), Sample(100e6, 10, 40)):
        assert grown([FIRST] * 10 + [more] * 5)[2]


def test_one_sample_of_many_is_no_growth() -> None:
    assert not grown([FIRST] * 14 + [LATER])[2]


def test_a_process_is_sampled_again_and_again() -> None:
    samples = list(sampled(os.getpid(), 0.02, samples=4))
    assert len(samples) == 4
    assert all(one.memory > 1e6 and one.threads >= 1 and one.files >= 3 for one in samples)
