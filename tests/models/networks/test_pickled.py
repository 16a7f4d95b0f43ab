from __future__ import annotations

import argparse
import collections
import contextlib
import copyreg
import datetime as dt
import enum
import functools
import io
import os
import pathlib
import pickle
import pickletools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from models.networks.pickled import Foreign, HostilePickle, MalformedPickle, read_pickle


def read(data: bytes) -> Any:
    return read_pickle(io.BytesIO(data), lambda identity: identity)


class Calls:
    """Pickled as a call of any function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, state: Any = None) -> None:
        self.called = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.called


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_read_in_every_protocol(protocol: int) -> None:
    shared = [1.5, None]
    value = {
        "a": [1, -1, 2**40, -(2**70), True, False],
        "text": "häßlich \n 'quoted'",
        "bytes": bytes(300) if protocol > 2 else 0,
        "nested": {"x": (), "y": (1,), "z": (1, 2), "w": (1, 2, 3), "v": (1, 2, 3, 4)},
        "shared": [shared, shared],
        5: "five",
    }
    found = read(pickle.dumps(value, protocol))
    assert found == value
    assert found["shared"][0] is found["shared"][1]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "extra",
    [
        argparse.Namespace(lr=0.1),
        np.float64(0.5),
        np.arange(3),
        pathlib.PurePosixPath("/data/photos"),
        dt.datetime(2026, 11, 27, tzinfo=dt.UTC),
        Colour.RED,
        collections.Counter("abca"),
        collections.deque([1, 2], maxlen=3),
        functools.partial(print, "x"),
        {1, 2},
        frozenset({"a"}),
        complex(1, 2),
        range(3),
        slice(1, 2),
        len,
        argparse.Namespace,
        np.dtype("f4"),
        torch.float16,
        torch.device("cpu"),
        bytearray(b"abc"),
        ValueError("no"),
        "x".join,
    ],
    ids=lambda extra: type(extra).__name__,
)
def test_what_is_nobodys_weights_is_passed_by(extra: object, protocol: int) -> None:
    found = read(pickle.dumps({"before": 1, "extra": extra, "after": [2]}, protocol))
    assert (found["before"], found["after"]) == (1, [2])


def test_a_dictionary_of_a_class_of_its_own_keeps_its_entries() -> None:
    found = read(pickle.dumps(collections.Counter("abca")))
    assert isinstance(found, Foreign)
    assert found.name == "collections.Counter"
    ordered = collections.OrderedDict(a=1, b=2)
    assert read(pickle.dumps(ordered)) == {"a": 1, "b": 2}
    assert read(pickle.dumps(collections.defaultdict(list, a=[1]))) == {"a": [1]}


@pytest.mark.parametrize(
    ("attack", "name"),
    [
        (Calls(os.system, "touch it-ran"), "posix.system"),
        (Calls(eval, "1"), "builtins.eval"),  # noqa: S307 it is never called
        (Calls(exec, "1"), "builtins.exec"),
        (Calls(compile, "1", "x", "eval"), "builtins.compile"),
        (Calls(__import__, "os"), "builtins.__import__"),
        (Calls(open, "it-ran", "w"), "io.open"),
        (Calls(subprocess.check_output, ["touch", "it-ran"]), "subprocess.check_output"),
        (Calls(functools.partial, os.system, "touch it-ran"), "posix.system"),
        (b"cos\nsystem\n(S'touch it-ran'\ntR.", "os.system"),
        (b"(S'touch it-ran'\nios\nsystem\n.", "os.system"),
        (b"(cnt\nsystem\nS'x'\no.", "nt.system"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x01x\x85R.", "posix.system"),
        (b"crunpy\n_run_code\n(S'x'\ntR.", "runpy._run_code"),
    ],
    ids=lambda one: one if isinstance(one, str) else "attack",
)
def test_what_only_an_attack_asks_for_is_named(attack: Any, name: str) -> None:
    data = attack if isinstance(attack, bytes) else pickle.dumps({"w": [attack]})
    with pytest.raises(HostilePickle, match=f"^{name}$"):
        read(data)


@pytest.fixture
def watched() -> Any:
    """Nothing may be imported, and no function of these called, while this is in use."""
    called: list[str] = []

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename == __file__:
            called.append(frame.f_code.co_name)

    before = set(sys.modules)
    sys.setprofile(note)
    yield called
    sys.setprofile(None)
    assert set(sys.modules) == before


class Trap:
    """Runs code however it is made, filled, hashed, compared or thrown away."""

    def __init__(self, *_: Any) -> None:
        """Run."""

    def __setstate__(self, _: Any) -> None:
        """Run."""

    def __setitem__(self, _: Any, __: Any) -> None:
        """Run."""

    def append(self, _: Any) -> None:
        """Run."""

    def extend(self, _: Any) -> None:
        """Run."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, _: object) -> bool:
        return True

    def __del__(self) -> None:
        """Run."""


HERE = b"c" + __name__.encode() + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        HERE + b"Trap\n)R.",
        HERE + b"Trap\n)\x81.",
        HERE + b"Trap\n)}\x92.",
        HERE + b"Trap\n)R}b.",
        HERE + b"Trap\n)R(K\x01K\x02u.",
        HERE + b"Trap\n)RK\x01a.",
        HERE + b"Trap\n)R(K\x01e.",
        b"}" + HERE + b"Trap\n)RK\x01s.",
        b"\x8f(" + HERE + b"Trap\n)R\x90.",
        b"(i" + __name__.encode() + b"\nTrap\n.",
        b"(" + HERE + b"Trap\no.",
        b"cbuiltins\ngetattr\n" + HERE + b"Trap\nS'append'\n\x86R(K\x01tR.",
        b"ctorch.hub\nload\n(S'a/b'\nS'c'\ntR.",
        b"cthis\ns\n.",
        b"\x82\x01.",
        b"ccopyreg\n_reconstructor\n(" + HERE + b"Trap\nc__builtin__\nobject\nNtR.",
        b"ctorch._utils\n_rebuild_parameter\n(" + HERE + b"Trap\n)RI01\nNtR.",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(" + HERE + b"Trap\nN)NtR.",
    ],
    ids=str,
)
def test_nothing_is_imported_or_called(data: bytes, watched: list[str]) -> None:
    with contextlib.suppress(MalformedPickle):
        read(data)
    assert not {name for name in watched if name in vars(Trap)}


def test_an_extension_code_is_not_looked_up() -> None:
    copyreg.add_extension(__name__, "Trap", 200)
    try:
        assert read(b"\x82\xc8.").name == "extension 200"
    finally:
        copyreg.remove_extension(__name__, "Trap", 200)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"N",
        b"\x80\x02",
        b"R.",
        b"K\x01K\x02R.",
        b"h\x00.",
        b"(t",
        b"t.",
        b"\x85.",
        b"\x87.",
        b"NNs.",
        b"}(Nu.",
        b"NN(NNu.",
        b"X\xff\xff\xff\x7fabc.",
        b"\x8d" + (2**62).to_bytes(8, "little") + b"a.",
        b"\x8e" + (2**62).to_bytes(8, "little") + b"a.",
        b"\x96" + (2**62).to_bytes(8, "little") + b"a.",
        b"\x95" + (2**62).to_bytes(8, "little"),
        b"I" + b"9" * 100_000 + b"\n.",
        b"X\x01\x00\x00\x00\xff.",
        b"\x97.",
        b"Pabc\n.",
        b"K\x01Q.",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(NK\x00K\x01K\x01tR.",
        b"ctorch._utils\n_rebuild_tensor_v3\n(NK\x00))NNNtR.",
        b"ctorch\nSize\n)R.",
        b"<html>",
    ],
    ids=lambda data: str(data[:20]),
)
def test_damage_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPickle):
        read(data)


def test_a_place_in_the_memo_takes_no_room() -> None:
    assert read(b"Nr\xff\xff\xff\x7f.") is None


def test_endless_work_is_refused() -> None:
    with pytest.raises(MalformedPickle, match="more operations"):
        read_pickle(io.BytesIO(b"]" * 102 + b"."), lambda identity: identity, most_operations=100)


def test_a_list_is_never_copied_again_and_again() -> None:
    pairs = b"](" + b"](K\x01K\x02e" * 1000 + b"eq\x00"
    calls = b"0ccollections\nOrderedDict\nh\x00\x85R" * 3
    assert read(pairs + calls + b".") == {}


def test_nesting_ends_no_process() -> None:
    assert len(read(b"]" + b"]" * 20_000 + b"a" * 20_000 + b".")) == 1
    assert read(b")" + b"\x85" * 20_000 + b".")


def test_an_operation_that_pickletools_knows_is_known_here() -> None:
    """But for those that ask for what lies outside of the pickle."""
    for operation in pickletools.opcodes:
        if operation.name not in {"NEXT_BUFFER", "PERSID"}:
            with pytest.raises(Exception) as fault:  # noqa: PT011
                read(operation.code.encode("latin1"))
            assert operation.name not in str(fault.value)
