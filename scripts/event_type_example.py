"""Write the data set of the worked example in docs/event-types.md: bookings of hotels, some of them fraud.

Usage: python -m scripts.event_type_example hotel-bookings.csv
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

_START = datetime(2024, 1, 1)
_DAYS = 120
_ROOMS = ("single", "double", "suite", "family", "dorm", "loft")
_DOMAINS = ("gmail.com", "example.org", "mail.example.net", "web.de")


def bookings(rows: int = 6_000, seed: int = 0) -> pl.DataFrame:
    """Return bookings in order of time: fraudsters book dearer rooms at short notice, half of them from one network."""
    random = np.random.default_rng(seed)
    minutes = np.sort(random.integers(0, _DAYS * 1440, rows))
    times = [_START + timedelta(minutes=int(minute)) for minute in minutes]
    bad = random.random(rows) < 0.06
    ring = bad & (random.random(rows) < 0.5)
    guest = np.where(ring, random.integers(0, 12, rows), random.integers(6, 900, rows))
    hotel = random.integers(0, 80, rows)
    nights = random.integers(1, 8, rows)
    price = np.round(nights * random.lognormal(4.4, 0.3, rows) * np.where(bad, 1.3, 1), 2)
    ahead = np.where(bad, random.integers(0, 20, rows), random.integers(0, 60, rows))
    octets = np.where(ring & (random.random(rows) < 0.8), 7, 20 + guest % 150)
    hosts = zip(octets, guest, random.integers(1, 9, rows), strict=True)
    return pl.DataFrame(
        {
            "": range(rows),
            "booking_ref": [f"B-{number:06d}" for number in random.permutation(rows)],
            "booked_at": [time.strftime("%d/%m/%Y %H:%M") for time in times],
            "guest_email": [f"{'Guest' if n % 2 else 'guest'}{n}@{_DOMAINS[n % 4]}" for n in guest],
            "ip": [f"{octet}.{n % 30}.{n % 7}.{host}" for octet, n, host in hosts],
            "hotel_id": [f"H{number:03d}" for number in hotel],
            "total_price": price,
            "nights": nights,
            "room": [_ROOMS[number] for number in random.integers(0, len(_ROOMS), rows)],
            "check_in": [(t + timedelta(days=int(d))).date().isoformat() for t, d in zip(times, ahead, strict=True)],
            "member": ["yes" if value else "no" for value in random.random(rows) < 0.3],
            "source_url": [f"https://example.org/{number % 977}" for number in random.integers(0, 5_000, rows)],
            "language": ["en"] * rows,
            "paid_with": [card_number(int(number)) for number in random.integers(0, 10**9, rows)],
            "chargeback_amount": [p if b else None for p, b in zip(price, bad, strict=True)],
            "fraudulent": ["Yes" if value else "No" for value in bad],
        }
    )


def card_number(number: int) -> str:
    """Return 16 digits with the check digit of a card number, which nobody has."""
    body = f"400000{number:09d}"
    total = sum(sum(divmod(2 * int(digit), 10)) if place % 2 == 0 else int(digit) for place, digit in enumerate(body))
    return body + str(-total % 10)


def main(arguments: list[str]) -> int:
    """Write the file."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    bookings().write_csv(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
