"""A process that was taken over, or did not start; the rest is under test in test_apart."""

from __future__ import annotations

import math
import socket
import sys
from typing import Any

import pytest

from booth_client.errors import BadImage, Overloaded
from models.card import Input
from service.photo.process import DecoderProcess, DiedError, Task, _answer

INPUT = Input(size=2, resize=2)


@pytest.mark.parametrize(
    ("fields", "pixels"),
    [
        ({}, bytearray(12)),
        ({"width": 1, "height": "x"}, bytearray(12)),
        ({"width": 1, "height": 1}, bytearray(11)),
        ({"error": "SystemExit", "detail": ""}, bytearray()),
        ({"error": "InternalError", "detail": ""}, bytearray()),
        ({"error": "BadImage"}, bytearray()),
        ({"error": []}, bytearray()),
    ],
)
def test_an_answer_without_sense_is_taken_for_a_death(
    fields: dict[str, Any], pixels: bytearray
) -> None:
    with pytest.raises(DiedError):
        _answer(fields, pixels, 2)


def test_an_error_of_decoding_comes_back_as_itself() -> None:
    error = _answer({"error": "BadImage", "detail": "It is damaged."}, bytearray(), 2)
    assert isinstance(error, BadImage)
    assert error.detail == "It is damaged."


def test_no_room_for_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Overloaded):
        DecoderProcess(1 << 30, 60)


def test_a_process_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    process = DecoderProcess(1 << 30, 60)
    try:
        with pytest.raises(Overloaded):
            process.decode(Task(b"?", "JPEG", INPUT, 100, math.inf), 5)
        assert not process.is_well
    finally:
        process.end()


def test_the_sockets_are_given_back_where_it_could_not_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs: list[socket.socket] = []

    def socketpair() -> tuple[socket.socket, socket.socket]:
        pair = socket_pair()
        pairs.extend(pair)
        return pair

    socket_pair = socket.socketpair
    monkeypatch.setattr(socket, "socketpair", socketpair)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Overloaded):
        DecoderProcess(1 << 30, 60)
    assert [one.fileno() for one in pairs] == [-1, -1]
