"""Limits that events keep to, in files and in the API alike."""

import re

LARGEST_AMOUNT = 1e12
LARGEST_NUMBER = 1e38
"""Models compute with 32 bits, which hold little more."""
BOUNDS = {
    "amount": (0.0, LARGEST_AMOUNT),
    "number": (-LARGEST_NUMBER, LARGEST_NUMBER),
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 180.0),
}
"""Smallest and largest number by the kind of column."""
LARGEST_INTEGER = 2**63 - 1
"""Of an integer that serves as an identifier, key or category."""
LONGEST_ID = 64
"""As SageMaker's inference identifiers, which ground truth is joined by."""
LONGEST_KEY = 256
LONGEST_TEXT = 4096
ID_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.:=+@~-]{0,63}$"
"""Safe in paths, object keys and headers."""
ID = re.compile(ID_PATTERN)


def longest_text(kind: str) -> int:
    """Return how many characters a text of this kind of column may have."""
    return LONGEST_KEY if kind in ("key", "category") else LONGEST_TEXT
