"""How many different counterparties: an estimate that needs 256 registers whatever the traffic (linear counting).

Each counterparty's text falls into one register, which keeps when it was hit last; a window's estimate follows from
the number of registers hit in it. Whang, Vander-Zanden and Taylor, "A linear-time probabilistic counting algorithm"
(1990). With 256 registers the standard error is about 2 % at 50 counterparties and 5 % at 500; above 1,597 the
estimate stays there.
"""

from __future__ import annotations

import math
from zlib import crc32

REGISTERS = 256


def register_of(text: str) -> int:
    """Return the register of a counterparty, the same on every machine."""
    return crc32(text.encode("utf-8")) % REGISTERS


def _estimates() -> tuple[float, ...]:
    # Rounded, so that a machine's own logarithm cannot show; the last has no empty register to count.
    empty = (*range(REGISTERS, 0, -1), 0.5)
    return tuple(round(REGISTERS * math.log(REGISTERS / left), 4) for left in empty)


ESTIMATES = _estimates()
"""Counterparties by the number of registers hit, 0 to 256."""
