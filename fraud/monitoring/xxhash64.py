"""xxHash64 of many values at once, as Spark hashes the values of a column.

Spark hashes a text's UTF-8 bytes, a 32-bit value's four and a 64-bit value's eight bytes, little-endian, with seed 42.
The algorithm is published at https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
"""

from __future__ import annotations

import numpy as np
import polars as pl

SEED = 42
_P1, _P2, _P3, _P4, _P5 = (
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)
_PADDING = b"\0" * 8


def hash_texts(texts: pl.Series) -> np.ndarray:
    """Return the hashes (uint64, shape (n,)) of texts without nulls."""
    lengths = texts.str.len_bytes().to_numpy().astype(np.int64)
    data = ("".join(texts.to_list()) if len(texts) < 64 else texts.str.join("").item()).encode("utf-8") + _PADDING
    with np.errstate(over="ignore"):
        return _hash(data, np.cumsum(lengths) - lengths, lengths)


def hash_words(values: np.ndarray) -> np.ndarray:
    """Return the hashes (uint64, shape (n,)) of values of 4 or 8 bytes, taken as they are."""
    values = np.ascontiguousarray(values)
    with np.errstate(over="ignore"):
        if values.itemsize == 8:
            state = np.uint64(SEED) + _P5 + np.uint64(8)
            return _avalanche(_word(np.full(len(values), state), values.view(np.uint64)))
        state = np.uint64(SEED) + _P5 + np.uint64(4)
        return _avalanche(_half(np.full(len(values), state), values.view(np.uint32).astype(np.uint64)))


def _hash(data: bytes, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    # Views of the buffer at every byte, so that one gather reads a word of each text.
    words = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    halves = np.ndarray((len(data) - 3,), "<u4", data, strides=(1,))
    octets = np.frombuffer(data, np.uint8)
    state = np.full(len(lengths), np.uint64(SEED) + _P5)
    at, left = starts.copy(), lengths.copy()
    long = np.flatnonzero(lengths >= 32)
    if len(long):
        state[long], at[long], left[long] = _stripes(words, at[long], left[long])
    state += lengths.astype(np.uint64)
    for size, view, step in ((8, words, _word), (4, halves, _half), (1, octets, _octet)):
        active = np.flatnonzero(left >= size)
        while len(active):
            # Where every text is as long, nothing needs picking.
            pick = slice(None) if len(active) == len(state) else active
            state[pick] = step(state[pick], view[at[pick]].astype(np.uint64))
            at[pick] += size
            left[pick] -= size
            active = active[left[active] >= size]
    return _avalanche(state)


def _stripes(words: np.ndarray, at: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Consume 32 bytes at a time in four lanes."""
    seed = np.uint64(SEED)
    lanes = [np.full(len(at), lane) for lane in (seed + _P1 + _P2, seed + _P2, seed, seed - _P1)]
    active = np.arange(len(at))
    while len(active):
        for number, lane in enumerate(lanes):
            lane[active] = _round(lane[active], words[at[active] + 8 * number])
        at[active] += 32
        left[active] -= 32
        active = active[left[active] >= 32]
    state = sum(
        (_rotate(lane, turn) for lane, turn in zip(lanes, (1, 7, 12, 18), strict=True)), np.zeros(len(at), np.uint64)
    )
    for lane in lanes:
        state = (state ^ _round(np.zeros_like(lane), lane)) * _P1 + _P4
    return state, at, left


def _round(lane: np.ndarray, word: np.ndarray) -> np.ndarray:
    return _rotate(lane + word * _P2, 31) * _P1


def _word(state: np.ndarray, word: np.ndarray) -> np.ndarray:
    return _rotate(state ^ _rotate(word * _P2, 31) * _P1, 27) * _P1 + _P4


def _half(state: np.ndarray, half: np.ndarray) -> np.ndarray:
    return _rotate(state ^ half * _P1, 23) * _P2 + _P3


def _octet(state: np.ndarray, octet: np.ndarray) -> np.ndarray:
    return _rotate(state ^ octet * _P5, 11) * _P1


def _rotate(value: np.ndarray, bits: int) -> np.ndarray:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


def _avalanche(state: np.ndarray) -> np.ndarray:
    state ^= state >> np.uint64(33)
    state *= _P2
    state ^= state >> np.uint64(29)
    state *= _P3
    state ^= state >> np.uint64(32)
    return state
