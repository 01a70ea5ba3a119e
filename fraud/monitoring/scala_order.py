"""The order in which Deequ lists the values of a histogram: that of a Scala 2.12 map filled from a Spark shuffle.

AWS writes categorical buckets and domains in this order, so files can be compared as they are. A map of more than
four entries is a hash trie, walked by five bits of the hash at a time from the low end; a smaller one keeps the order
in which it was filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_MASK = 0xFFFFFFFF
_PRODUCT_SEED = 0xCAFEBABE
_SMALL = 4
_TABLE = 64

Pair = tuple[str, str]


def histogram_orders(columns: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the values of each column in order, of all columns that Deequ counts together in one pass."""
    pairs = [(column, value) for column, values in columns.items() for value in values]
    filled = _shuffled(pairs) if len(pairs) <= _SMALL else sorted(pairs, key=lambda pair: _trie(_pair_hash(pair)))
    orders: dict[str, list[str]] = {column: [] for column in columns}
    for column, value in filled:
        orders[column].append(value)
    for values in orders.values():
        if len(values) > _SMALL:
            values.sort(key=lambda value: _trie(_text_hash(value)))
    return orders


def _trie(code: int) -> tuple[int, ...]:
    """Place of a hash in a trie: Scala improves the hash, then reads five bits at each level."""
    code = (code + ~(code << 9)) & _MASK
    code ^= code >> 14
    code = (code + (code << 4)) & _MASK
    code ^= code >> 10
    return tuple((code >> shift) & 31 for shift in range(0, 35, 5))


def _shuffled(pairs: Sequence[Pair]) -> list[Pair]:
    """Return pairs as a shuffle of one partition hands them out: sorted by hash, then by slot of a hash table."""
    slots: dict[int, Pair] = {}
    for pair in sorted(pairs, key=lambda item: _signed(_pair_hash(item))):
        slot, step = _avalanche(_mix(0, _pair_hash(pair)) ^ 4) % _TABLE, 1
        while slot in slots:
            slot, step = (slot + step) % _TABLE, step + 1
        slots[slot] = pair
    return [slots[slot] for slot in sorted(slots)]


def _pair_hash(pair: Pair) -> int:
    code = _PRODUCT_SEED
    for text in pair:
        code = _mix(code, _text_hash(text))
    return _avalanche(code ^ 2)


def _text_hash(text: str) -> int:
    """Java's String.hashCode, over UTF-16 units."""
    units = text.encode("utf-16-le", "surrogatepass")
    code = 0
    for at in range(0, len(units), 2):
        code = (31 * code + (units[at] | units[at + 1] << 8)) & _MASK
    return code


def _signed(code: int) -> int:
    return code - (1 << 32) if code >> 31 else code


def _mix(code: int, value: int) -> int:
    """One step of MurmurHash3."""
    value = (value * 0xCC9E2D51) & _MASK
    value = ((value << 15) | (value >> 17)) & _MASK
    code ^= (value * 0x1B873593) & _MASK
    code = ((code << 13) | (code >> 19)) & _MASK
    return (code * 5 + 0xE6546B64) & _MASK


def _avalanche(code: int) -> int:
    code ^= code >> 16
    code = (code * 0x85EBCA6B) & _MASK
    code ^= code >> 13
    code = (code * 0xC2B2AE35) & _MASK
    return code ^ (code >> 16)
