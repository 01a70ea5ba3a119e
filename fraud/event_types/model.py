"""What an event type says: the meaning of a data set's columns and the features wanted from them."""

from __future__ import annotations

from dataclasses import dataclass, field

VARIABLE_TYPES = ("number", "boolean", "category", "text", "email", "ip", "date")
ENCODINGS = ("ordinal", "onehot")
"""Of a category: its position among the values, or a feature for each value."""
WINDOW_MODES = ("bucketed", "sliding")
"""Bucketed: whole buckets, at most a few kilobytes an entity; sliding: exact, and grows with the events."""
DERIVATIONS = ("ip_prefix16", "ip_prefix24", "email_domain", "lower")
"""What an entity's key may be made of its column's value by."""
AGGREGATES = ("count", "sum", "mean", "max", "ratio", "known_count", "risk")
"""Of an entity's events in a window: how many; sum, mean and maximum of amounts; the amount over the mean of
the entity's earlier amounts; how many events with a known label; the share of frauds among those."""
RECENCIES = ("since_last", "since_known_fraud", "since_first_known_fraud", "last_known_label")
"""Of an entity's past, without a window of its own (bounded by the longest)."""
LABEL_AGGREGATES = frozenset({"known_count", "risk"})
LABEL_RECENCIES = frozenset({"since_known_fraud", "since_first_known_fraud", "last_known_label"})
AMOUNT_AGGREGATES = frozenset({"sum", "mean", "max", "ratio"})
CALENDAR = ("is_weekend", "is_night", "hour")
TIMESTAMP_FORMATS = ("iso", *(f"epoch_{unit}" for unit in ("microseconds", "milliseconds", "seconds", "hours", "days")))
"""ISO 8601, or a number of some unit since 1970 (UTC); a pattern such as "%d/%m/%Y %H:%M" is allowed too."""
MISSING_LABELS = ("reject", "genuine", "ignore")
"""What becomes of an event without a label: a fault, a genuine event, or history that no model is trained on."""
WINDOW_UNITS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Window:
    """A span of time that ends with the event itself; `text` as written, for example "7d"."""

    text: str
    seconds: int


@dataclass(frozen=True)
class Entity:
    """Something that takes part in many events (a card, a terminal), recognised by a column's value.

    `derive` makes the key from the value, such as an address's domain. `distinct` are columns whose different
    values are counted in each window, `places` coordinates whose distance from the event before is a feature.
    The values of a `card_number` must be tokenised before they leave the operator's machine.
    """

    name: str
    column: str
    windows: tuple[Window, ...] = ()
    aggregates: tuple[str, ...] = ()
    recencies: tuple[str, ...] = ()
    derive: str | None = None
    distinct: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    card_number: bool = False

    @property
    def uses_labels(self) -> bool:
        """Whether a feature of the entity depends on past labels."""
        return bool(LABEL_AGGREGATES & set(self.aggregates) or LABEL_RECENCIES & set(self.recencies))


@dataclass(frozen=True)
class Variable:
    """A column that features are made of, by its type; a category is one of `values`, encoded by `encoding`."""

    column: str
    type: str = "number"
    values: tuple[str, ...] = ()
    encoding: str = "ordinal"


@dataclass(frozen=True)
class Place:
    """Named coordinates of an event: two columns, in degrees."""

    name: str
    latitude: str
    longitude: str


@dataclass(frozen=True)
class TimeSplit:
    """Train, validation and test follow each other in time, apart by the label delay.

    Days left as None are chosen by whoever prepares the data. `known_fraud_days`: a card with a fraud in so
    many days, ending where labels are known, counts as known to be defrauded.
    """

    train_days: int | None = None
    validation_days: int | None = None
    test_days: int | None = None
    known_fraud_days: int = 7
    method: str = "time"


@dataclass(frozen=True)
class RandomSplit:
    """Stratified at random, for data whose time is absent or means nothing; the shares sum to 1."""

    train: float = 0.6
    validation: float = 0.2
    test: float = 0.2
    seed: int = 0
    method: str = "random"


@dataclass(frozen=True)
class EventType:
    """A data set's columns and their meaning; see docs of the YAML form in `fraud.event_types`."""

    name: str
    label: str
    description: str = ""
    id: str | None = None
    timestamp: str | None = None
    timestamp_format: str = "iso"
    amount: str | None = None
    label_delay_days: int = 0
    label_fraud: tuple[str, ...] = ()
    label_genuine: tuple[str, ...] = ()
    """Texts that mean fraud and genuine, where the column does not hold 0 and 1."""
    label_missing: str = "reject"
    label_known_at: str | None = None
    """Column of the time at which the label arrived; it counts from then, or from the delay's end if later."""
    arrival: str | None = None
    """Column of the time at which the event arrived, where that is not the order of its own time."""
    window_mode: str = "bucketed"
    card: str | None = None
    """Name of the entity that investigators look at; None where there is none."""
    entities: tuple[Entity, ...] = ()
    variables: tuple[Variable, ...] = ()
    coordinates: tuple[Place, ...] = ()
    distances: tuple[tuple[str, str], ...] = ()
    """Pairs of coordinates whose distance is a feature."""
    calendar: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    max_rejected_share: float = 0.0
    split: TimeSplit | RandomSplit = field(default_factory=TimeSplit)

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Columns that a file of this type must have, without repetition."""
        named = [self.id, self.timestamp, *(entity.column for entity in self.entities), self.amount]
        named += [variable.column for variable in self.variables]
        named += [column for place in self.coordinates for column in (place.latitude, place.longitude)]
        named += [column for entity in self.entities for column in entity.distinct]
        named += [self.label, self.label_known_at, self.arrival]
        return tuple(dict.fromkeys(column for column in named if column is not None))

    @property
    def card_column(self) -> str | None:
        """Column of the entity named by `card`."""
        return next((entity.column for entity in self.entities if entity.name == self.card), None)

    @property
    def history_days(self) -> int:
        """Days of events before an event that its features can depend on, rounded up."""
        spans = []
        for entity in self.entities:
            longest = max((window.seconds for window in entity.windows), default=0)
            spans.append(longest + (self.label_delay_days * 86400 if entity.uses_labels else 0))
        return -(-max(spans, default=0) // 86400)
