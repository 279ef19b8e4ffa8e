"""The order in which CPython 2.7 (64-bit) iterates over a dict of byte strings.

The published word indexes of IMDB and Reuters depend on it: words with equal counts are in that
order. Source: stringobject.c (string_hash) and dictobject.c (lookdict_string,
PyDict_SetItem, dictresize) of CPython 2.7, hash randomization off, which was its default.
"""

from __future__ import annotations

from collections.abc import Iterable

_WORD = 2**64 - 1
_MIN_TABLE_SIZE = 8
_MAX_FAST_GROWTH = 50_000

_Slots = list[tuple[int, bytes] | None]


def string_hash(key: bytes) -> int:
    """CPython 2.7's hash of a byte string, unsigned, 0 <= hash < 2**64."""
    if not key:
        return 0
    value = key[0] << 7
    for byte in key:
        value = (value * 1_000_003 & _WORD) ^ byte
    return value ^ len(key)


def iteration_order(keys: Iterable[bytes]) -> list[bytes]:
    """The order in which CPython 2.7 lists a dict with these keys, inserted one after another.

    The keys must be distinct.
    """
    slots: _Slots = [None] * _MIN_TABLE_SIZE
    for used, key in enumerate(keys, start=1):
        _place(slots, (string_hash(key), key))
        if used * 3 >= len(slots) * 2:
            slots = _rebuilt(slots, used)
    return [entry[1] for entry in slots if entry is not None]


def _place(slots: _Slots, entry: tuple[int, bytes]) -> None:
    """Put an entry into the first free slot of its probe sequence."""
    mask = len(slots) - 1
    perturb = entry[0]
    slot = perturb & mask
    while slots[slot] is not None:
        slot = (5 * slot + perturb + 1) & mask
        perturb >>= 5
    slots[slot] = entry


def _rebuilt(slots: _Slots, used: int) -> _Slots:
    """The larger table that replaces a table two thirds full."""
    above = used * (2 if used > _MAX_FAST_GROWTH else 4)
    size = _MIN_TABLE_SIZE
    while size <= above:
        size *= 2
    larger: _Slots = [None] * size
    for entry in slots:
        if entry is not None:
            _place(larger, entry)
    return larger
