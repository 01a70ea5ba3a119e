"""What columns' names tell about their role: words and their weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

# The order is that of investigation: who pays comes before what is used for it, and before where it is used.
ENTITY_WORDS = {
    "card": ("card", "cc", "pan", "ccnum"),
    "account": ("account", "acct", "iban", "wallet"),
    "customer": ("customer", "cust", "client", "cardholder", "payer", "buyer", "guest", "member", "holder"),
    "user": ("user", "person", "subscriber", "entity", "traveller", "employee", "patient", "policyholder", "claimant"),
    "sender": ("sender", "orig", "originator"),
    "email": ("email", "mail", "mailbox"),
    "phone": ("phone", "mobile", "msisdn", "telephone"),
    "device": ("device", "fingerprint", "imei", "cookie", "session"),
    "ip": ("ip", "ipaddress", "ipaddr", "host"),
    "receiver": ("receiver", "recipient", "beneficiary", "payee", "dest", "destination"),
    "merchant": ("merchant", "mch", "seller", "vendor", "supplier", "partner", "provider", "store", "shop", "hotel"),
    "terminal": ("terminal", "pos", "atm", "branch", "agency", "bank"),
    "vehicle": ("vehicle", "vin", "plate", "driver"),
}
PAYERS = frozenset({"card", "account", "customer", "user", "sender", "email", "phone"})
"""Kinds of entities that an event is done by, rather than done to."""
NAMED = frozenset({"sender", "receiver", "merchant", "terminal"})
"""Kinds of entities that names tell apart."""
KEY_WORDS = frozenset({"id", "ids", "uuid", "guid", "no", "nr", "num", "number", "key", "hash", "code", "ref", "token"})
EVENT_WORDS = frozenset(
    {"event", "transaction", "trans", "tx", "txn", "order", "payment", "claim", "booking", "purchase", "record"}
    | {"registration", "transfer", "invoice", "application", "login", "message", "incident", "loss", "accident"}
)
# Said of somebody: attributes, quantities and places are no keys.
ATTRIBUTE_WORDS = frozenset(
    {"name", "first", "last", "surname", "job", "occupation", "city", "state", "country", "zip", "postcode", "street"}
    | {"gender", "sex", "age", "type", "category", "segment", "tier", "level", "status", "class", "brand", "language"}
    | {"count", "balance", "days", "months", "years", "limit", "score", "amount", "total", "income", "since", "nb"}
    | {"avg", "mean", "max", "min", "sum", "ratio", "risk", "window", "lat", "long", "latitude", "longitude", "agent"}
    | {"rate", "price", "value", "cost", "year", "month", "day", "hour", "dow", "pop", "population", "bin", "model"}
    | {"currency", "relationship", "flag", "present", "severity", "involved", "education", "version", "os"}
)
PERSONAL_WORDS = frozenset(
    {"name", "first", "last", "surname", "street", "address", "job", "occupation", "passport", "ssn", "birthplace"}
)
TEXT_WORDS = frozenset(
    {"agent", "browser", "ua", "url", "referrer", "referer", "description", "comment", "note", "message", "subject"}
    | {"phone", "mobile", "telephone", "title", "device", "product", "item", "text"}
)
CODE_WORDS = frozenset({"code", "mcc", "type", "category", "class", "channel", "status", "currency", "kind", "method"})
BIRTH_WORDS = frozenset({"birth", "dob", "birthday", "birthdate", "born"})
ARRIVAL_WORDS = frozenset({"received", "ingested", "ingest", "ingestion", "recorded", "inserted", "arrived"})
KNOWLEDGE_WORDS = frozenset(
    {"label", "labelled", "labeled", "chargeback", "reported", "confirmed", "dispute", "disputed", "investigated"}
)
OUTCOME_WORDS = KNOWLEDGE_WORDS | {"scenario", "investigation", "resolution", "scam", "refund", "refunded", "blocked"}
ROW_WORDS = frozenset({"row", "index", "idx", "unnamed", "rownum", "rownumber", "line", "seq", "sequence"})

LABEL_WEIGHTS = {
    **dict.fromkeys(("fraud", "isfraud", "fraudulent"), 6),
    **dict.fromkeys(("laundering", "illicit", "suspicious", "malicious"), 5),
    **dict.fromkeys(("label", "labels"), 5),
    **dict.fromkeys(("class", "target"), 4),
    **dict.fromkeys(("chargeback", "scam", "outcome"), 3),
    "y": 2,
    **dict.fromkeys(("scenario", "type", "flagged", "score", "risk", "ring", "rule", "predicted", "prior"), -5),
    **dict.fromkeys(("count", "rate", "share", "num", "nb", "window", "hist", "history", "past"), -5),
}
TIME_WEIGHTS = {
    **dict.fromkeys(("timestamp", "datetime"), 5),
    **dict.fromkeys(("time", "ts", "dt", "when"), 4),
    **dict.fromkeys(("date", "created"), 3),
    **dict.fromkeys(("at", "utc"), 1),
    **dict.fromkeys(EVENT_WORDS, 2),
    **dict.fromkeys(KNOWLEDGE_WORDS, -9),
    **dict.fromkeys(BIRTH_WORDS, -20),
    **dict.fromkeys(("updated", "modified", "expiry", "expires", "exp", "expiration", "end", "due", "closed"), -6),
    **dict.fromkeys(("open", "opened", "registered", "since", "signup", "start", "checkin", "checkout"), -5),
    **dict.fromkeys(("bind", "bound", "effective", "inception", "joined", "hired"), -5),
    **dict.fromkeys(("check", "arrival", "departure", "delivery", "issued", "first", "last", "previous", "days"), -5),
    **dict.fromkeys(ARRIVAL_WORDS, -5),
}
ID_WEIGHTS = {
    **dict.fromkeys(("id", "uuid", "guid"), 3),
    **dict.fromkeys(("number", "num", "no", "nr", "key", "ref", "reference", "hash", "code"), 2),
    **dict.fromkeys(EVENT_WORDS, 2),
    **{word: -3 for kind, words in ENTITY_WORDS.items() for word in words if kind != "vehicle"},
    **dict.fromkeys(ROW_WORDS, -9),
}
AMOUNT_WEIGHTS = {
    **dict.fromkeys(("amount", "amt"), 6),
    **dict.fromkeys(("price", "fare"), 5),
    **dict.fromkeys(("total", "cost", "spend", "spent"), 4),
    **dict.fromkeys(("value", "sum", "claim", "charge", "payment", "paid"), 3),
    **dict.fromkeys(("order", "transaction", "trans", "tx", "txn", "purchase", "usd", "eur"), 1),
    **dict.fromkeys(("avg", "mean", "max", "min", "num", "nb", "count", "balance", "limit", "ratio", "window"), -9),
    **dict.fromkeys(("deductible", "deductable", "age", "annual", "income", "previous", "old", "new", "past"), -9),
    **dict.fromkeys(("discount", "tax", "fee", "rate", "tip", "score", "days", "id", "code", "share", "std"), -9),
}
FRAUD_VALUES = frozenset(
    {"1", "true", "t", "yes", "y", "fraud", "fraudulent", "fraudster", "bad", "scam", "chargeback", "positive"}
    | {"confirmed_fraud", "confirmed fraud", "malicious", "stolen", "abuse", "is_fraud"}
)
GENUINE_VALUES = frozenset(
    {"0", "false", "f", "no", "n", "-1", "legit", "legitimate", "genuine", "good", "ok", "valid", "normal", "clean"}
    | {"non-fraud", "non_fraud", "not fraud", "not_fraud", "nonfraud", "notfraud", "no fraud", "no_fraud", "negative"}
    | {"benign", "honest"}
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


@lru_cache(4096)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a column's name in lower case: "isFraud" and "IS_FRAUD" are is and fraud."""
    return tuple(word.lower() for word in _WORD.findall(name))


def weight(name: str, weights: Mapping[str, int]) -> int:
    """Return the sum of the weights of a name's different words."""
    return sum(weights.get(word, 0) for word in set(words(name)))


def has(name: str, some: Iterable[str]) -> bool:
    """Whether one of the words stands in a name."""
    return not set(some).isdisjoint(words(name))


def entity_kind(name: str) -> str | None:
    """Return the kind of entity that a name speaks of, such as "card"; None for attributes and all else."""
    found = words(name)
    kind = next((kind for kind, known in ENTITY_WORDS.items() if not set(known).isdisjoint(found)), None)
    told = ATTRIBUTE_WORDS | TEXT_WORDS - {"phone", "mobile", "telephone", "device"}
    # The name of a person is an attribute of many; that of a shop, or of an account, tells it apart.
    if kind in NAMED:
        told = told - {"name"}
    return kind if told.isdisjoint(found) else None


def part_name(name: str, leave_out: Iterable[str] = ()) -> str:
    """Return a name for an entity or a place: its words in lower case but those of `leave_out`; empty if none is."""
    left = [word for word in words(name) if word not in set(leave_out)]
    text = "_".join(left)[:31].strip("_")
    return text if re.match("[a-z]", text) else ""
