"""Features of a single value, by its type: one function for each, used by both engines.

Each takes the value as text (None where it is missing) and returns its features in the order of `VALUE_FEATURES`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import date

VALUE_FEATURES = {
    "text": (
        ("length", "int", "Characters; -1 where it is missing"),
        ("digit_share", "float", "Share of digits among the characters; -1 where it is missing"),
    ),
    "email": (
        ("length", "int", "Characters before the @; -1 where it is missing"),
        ("digit_share", "float", "Share of digits before the @; -1 where it is missing"),
        ("is_free", "int", "1 for a provider of free mailboxes, 0 for another, -1 where it is missing"),
    ),
    "ip": (
        ("version", "int", "4 or 6; -1 where it is missing or no address"),
        ("is_private", "int", "1 for an address of no public network; -1 where it is missing or no address"),
        ("first_octet", "int", "First byte of the address; -1 where it is missing or no address"),
    ),
    "date": (("days", "float", "Days from that date to the event; missing where there is none"),),
}
"""By a variable's type: suffix, type and meaning of each feature."""

FREE_MAIL = frozenset(
    (
        *("aol.com", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "icloud.com", "live.com"),
        *("mail.com", "mail.ru", "msn.com", "outlook.com", "proton.me", "protonmail.com", "qq.com", "web.de"),
        *("yahoo.com", "yandex.ru", "zoho.com", "163.com", "126.com"),
    )
)
_EPOCH = date(1970, 1, 1).toordinal()
_MISSING = float("nan")


def text_features(value: str | None) -> tuple[float, ...]:
    """Length and share of digits."""
    if value is None:
        return -1, -1.0
    return len(value), _digit_share(value)


def email_features(value: str | None) -> tuple[float, ...]:
    """Length and share of digits of the local part, and whether the domain offers free mailboxes."""
    if value is None:
        return -1, -1.0, -1
    local, _, domain = value.rpartition("@")
    return len(local), _digit_share(local), int(domain.strip().lower() in FREE_MAIL)


def ip_features(value: str | None) -> tuple[float, ...]:
    """Version, whether it is private, first byte."""
    address = _address(value)
    if address is None:
        return -1, -1, -1
    return address.version, int(address.is_private), address.packed[0]


def epoch_day(value: str | None) -> float:
    """Days from 1970-01-01 to an ISO 8601 date (a time behind it is ignored); NaN where there is none."""
    try:
        return float(date.fromisoformat(value[:10]).toordinal() - _EPOCH) if value else _MISSING
    except ValueError:
        return _MISSING


def entity_key(value: str | None, derive: str | None) -> str | None:
    """Return the key of an entity made of a column's value; None where there is none."""
    if value is None or derive is None:
        return value
    return _DERIVED[derive](value)


TEXTS: dict[str, Callable[[str | None], tuple[float, ...]]] = {
    "text": text_features,
    "email": email_features,
    "ip": ip_features,
}


def _digit_share(text: str) -> float:
    return sum(character.isdecimal() for character in text) / len(text) if text else 0.0


def _address(value: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(value.strip()) if value else None
    except ValueError:
        return None


def _network(prefix: int) -> Callable[[str], str | None]:
    def network(value: str) -> str | None:
        address = _address(value)
        if address is None:
            return None
        # Who holds an IPv6 address holds all of its /64; longer prefixes tell nobody apart.
        bits = prefix if address.version == 4 else 2 * prefix
        return str(ipaddress.ip_network((address, bits), strict=False))

    return network


_DERIVED: dict[str, Callable[[str], str | None]] = {
    "ip_prefix16": _network(16),
    "ip_prefix24": _network(24),
    "email_domain": lambda value: value.rpartition("@")[2].strip().lower() or None,
    "lower": lambda value: value.strip().lower() or None,
}
