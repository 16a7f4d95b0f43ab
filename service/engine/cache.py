"""Answers that were given before, bounded in bytes: the least recently used one goes first.

An answer is a pure function of the photograph's bytes, the model and the parameters, so it never
grows stale: what changes it changes its key.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from sys import getsizeof

__all__ = ["AnswerCache", "answer_key"]


class AnswerCache:
    """Keys to values, both ``bytes``, within ``max_bytes`` of memory.

    It has no lock: one thread, that of the event loop, uses it. Values are ``bytes`` because the
    garbage collector walks over every object of a richer kind, of which there would be many.

    By hand, since ``cachetools.LRUCache`` sees the size of values alone: of keys and its own three
    tables it knows nothing, and takes a tenth more memory than an estimate of these says.

    Args:
        max_bytes: of memory for keys, values and the table that holds them.

    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._content_bytes = 0

    def __len__(self) -> int:
        """How many values are held."""
        return len(self._entries)

    @property
    def bytes_held(self) -> int:
        """Memory of all keys and values and of their table, as Python counts it."""
        return self._content_bytes + getsizeof(self._entries) if self._entries else 0

    def get(self, key: bytes) -> bytes | None:
        """The value, which is now the most recently used one; None if it isn't held."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: bytes, value: bytes) -> int:
        """Hold a value, as long as there is room.

        Returns:
            How many others had to go.

        """
        cost = _cost(key, value)
        if cost + getsizeof(OrderedDict({key: value})) > self.max_bytes:
            return 0  # it would drive out all others and still not fit
        before = self._entries.pop(key, None)
        if before is not None:
            self._content_bytes -= _cost(key, before)
        self._entries[key] = value
        self._content_bytes += cost
        return self._evict()

    def _evict(self) -> int:
        count = 0
        while self.bytes_held > self.max_bytes:
            self._content_bytes -= _cost(*self._entries.popitem(last=False))
            count += 1
        return count


def _cost(key: bytes, value: bytes) -> int:
    return getsizeof(key) + getsizeof(value)


def answer_key(
    model: bytes, top_k: int, photo: bytes, explain: frozenset[str] = frozenset()
) -> bytes:
    """SHA-256 of all that an answer depends on, 32 bytes.

    Args:
        model: the identity of the loaded model, 32 bytes.
        top_k: how many labels, below 65,536.
        photo: the photograph's bytes. Above 2 kB hashing lets other threads run.
        explain: what is explained, less than 256 characters.

    """
    explained = ",".join(sorted(explain)).encode()
    digest = hashlib.sha256(model + top_k.to_bytes(2) + bytes([len(explained)]) + explained)
    digest.update(photo)
    return digest.digest()
