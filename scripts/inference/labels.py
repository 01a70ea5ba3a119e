"""Finding the label, and the columns that give it away."""

from __future__ import annotations

import numpy as np
import polars as pl

from fraud.data.errors import DataError
from scripts.inference import names
from scripts.inference.draft import Draft, Label
from scripts.inference.facts import Facts

MOST_VALUES = 12
DELAY_DAYS = 7
_FEWEST_FRAUDS = 10
_GIVEN_AWAY = 0.999
_PURE = 0.98


def find_label(draft: Draft) -> None:
    """Find the label; raise DataError, saying how to name it, if there is none."""
    forced = draft.forced.label
    if forced is not None:
        facts = draft.named(forced, "--label")
    else:
        facts = draft.best(_score)
        if facts is None:
            raise DataError(_not_found(draft))
    draft.label = _label(facts, draft)
    draft.use(facts.name, "label")
    draft.body["label"] = {"column": facts.name}
    if draft.label.fraud:
        draft.body["label"] |= {"fraud": list(draft.label.fraud), "genuine": list(draft.label.genuine)}
    if (draft.label.is_fraud < 0).any():
        share = (draft.label.is_fraud < 0).mean()
        draft.body["label"]["missing"] = "ignore"
        draft.comments["label.missing"] = (
            f"{share:.1%} of the events have no label: they count as history, as genuine ones, and no model is "
            "trained or tested on them."
        )


def drop_what_tells_the_label(draft: Draft) -> None:
    """Drop columns that are known only once the label is: by their name, or because they agree with it."""
    fraud = draft.label.is_fraud
    for facts in draft.free():
        if "fraud" in facts.name.lower() or names.has(facts.name, names.OUTCOME_WORDS):
            draft.drop(facts.name, "by its name it belongs to the label: not known when the event is scored")
        elif (fraud == 1).sum() >= _FEWEST_FRAUDS and _tells(facts, fraud):
            draft.drop(facts.name, "tells the label by itself: surely written after it was known")


def _score(facts: Facts) -> int:
    if not 2 <= facts.unique <= MOST_VALUES or facts.form in ("time", "date", "other", "email", "ip"):
        return 0
    score = names.weight(facts.name, names.LABEL_WEIGHTS)
    if not score and "fraud" in facts.name.lower():
        score = 5
    values = {_word(value) for value in facts.different_texts}
    if any("fraud" in value for value in values):
        score += 4
    known = values & names.FRAUD_VALUES and values & names.GENUINE_VALUES
    if facts.unique > 2:
        return score if known and score > 4 else 0
    # Two values by themselves say little: many a column has two.
    return score + (1 if known and score > 0 else 0)


def _label(facts: Facts, draft: Draft) -> Label:
    if facts.form == "other" or facts.unique < 2:
        raise DataError(f"column {facts.name}: one value only; a label needs fraud and genuine events")
    texts = facts.texts.str.strip_chars()
    texts = pl.select(pl.when(texts != "").then(texts).otherwise(None)).to_series()
    if facts.unique > MOST_VALUES:
        raise DataError(f"column {facts.name}: {facts.unique:,} different values; a label has a few (--label COLUMN)")
    stripped = [value.strip() for value in facts.different_texts]
    counts = {value: 0 for value in stripped if value} | dict(texts.drop_nulls().value_counts().rows())
    fraud, genuine = _classes(facts, counts, draft)
    plain = {_word(value) for value in fraud} <= {"1", "true"} and {_word(v) for v in genuine} <= {"0", "false"}
    known = {**dict.fromkeys(genuine, 0), **dict.fromkeys(fraud, 1)}
    is_fraud = texts.replace_strict(known, default=-1, return_dtype=pl.Int8).fill_null(-1).to_numpy()
    if not (is_fraud == 1).any() or not (is_fraud == 0).any():
        raise DataError(f"column {facts.name}: both fraud and genuine events are needed, and more than a handful")
    found = ((), ()) if plain else (tuple(sorted(fraud)), tuple(sorted(genuine)))
    return Label(facts.name, *found, is_fraud)


def _classes(facts: Facts, counts: dict[str, int], draft: Draft) -> tuple[list[str], list[str]]:
    """The values that mean fraud and genuine."""
    if draft.forced.fraud:
        absent = [value for value in draft.forced.fraud if value not in counts]
        if absent:
            raise DataError(f"--fraud: {', '.join(absent)} not in column {facts.name}: {', '.join(sorted(counts))}")
        return list(draft.forced.fraud), [value for value in counts if value not in draft.forced.fraud]
    fraud = [value for value in counts if _word(value) in names.FRAUD_VALUES]
    genuine = [value for value in counts if _word(value) in names.GENUINE_VALUES]
    if len(counts) > 2 and fraud and genuine:
        others = sorted(set(counts) - set(fraud) - set(genuine))
        if others:
            raise DataError(
                f"column {facts.name}: what do {', '.join(others)} mean? Name every value of fraud: "
                f"--fraud {','.join(sorted(fraud))} (the others are genuine), or leave those rows out"
            )
        return fraud, genuine
    if len(fraud) == 1 and len(genuine) == 1:
        return fraud, genuine
    if len(counts) == 2:
        rare, frequent = sorted(counts, key=lambda value: counts[value])
        text = f"{rare!r} is taken for fraud, being rarer than {frequent!r}"
        draft.comments["label.fraud"] = f"{text}: check it."
        draft.notes.append(f"column {facts.name}: {text}; if not, name it: --fraud VALUE")
        return [rare], [frequent]
    raise DataError(
        f"column {facts.name}: which of {', '.join(sorted(counts))} mean fraud? Name them: --fraud VALUE[,VALUE]"
    )


def _tells(facts: Facts, fraud: np.ndarray) -> bool:
    """Whether a column by itself tells nearly every fraud from nearly every genuine event."""
    if facts.form == "other":
        return False
    labelled = fraud >= 0
    is_fraud = fraud[labelled] == 1
    absent = facts.values.is_null().to_numpy()[labelled]
    if max(_agreement(absent, is_fraud), _agreement(~absent, is_fraud)) >= _PURE:
        return True
    if facts.unique <= 20:
        frame = pl.DataFrame({"value": facts.texts.to_numpy()[labelled], "fraud": is_fraud})
        groups = frame.group_by("value").agg(pl.col("fraud").sum().alias("frauds"), pl.len().alias("rows"))
        most = groups.filter(pl.col("frauds") * 2 > pl.col("rows"))
        caught, rows = most["frauds"].sum(), most["rows"].sum()
        return bool(rows) and caught >= _PURE * is_fraud.sum() and caught >= _PURE * rows
    if facts.form == "number":
        return abs(_auc(facts.values.to_numpy()[labelled], is_fraud) - 0.5) >= _GIVEN_AWAY - 0.5
    return False


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Rows in both over rows in either."""
    return (one & other).sum() / max((one | other).sum(), 1)


def _auc(values: np.ndarray, is_fraud: np.ndarray) -> float:
    there = ~np.isnan(values)
    values, is_fraud = values[there], is_fraud[there]
    frauds = int(is_fraud.sum())
    if not 0 < frauds < len(values):
        return 0.5
    ranks = pl.Series(values).rank("average").to_numpy()
    return (ranks[is_fraud].sum() - frauds * (frauds + 1) / 2) / (frauds * (len(values) - frauds))


def _word(value: str) -> str:
    return value.strip().lower()


def _not_found(draft: Draft) -> str:
    two = [facts.name for facts in draft.facts.values() if facts.unique == 2]
    shown = ", ".join(map(repr, two)) if two else "none of them"
    return (
        "no label found: a column of two values whose name speaks of fraud, label, class or target. Name it: "
        f"--label COLUMN (and --fraud VALUE). Columns of two values: {shown}"
    )
