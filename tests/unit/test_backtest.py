"""Backtests: rules fire as they do online, and counts and money are those of going through events one by one."""

from collections import Counter
from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud import event_types
from fraud.backtest import firing, results
from fraud.backtest.columns import simple
from fraud.backtest.history import UNKNOWN, History, of_decisions, of_events, scores_of, window
from fraud.backtest.sweep import sweep, tally
from fraud.backtest.workers import FIRED, NOT, SKIPPED
from fraud.data.cleaning import clean
from fraud.decisions import compile_rules, from_mapping
from fraud.decisions.thresholds import NEVER, Costs
from fraud.event_types.payload import parse_event
from fraud.features.catalogue import features_of
from fraud.features.online import OnlineEngine
from fraud.models.scoring import score
from fraud.simulation import LawSettings, Simulator

CARDS = event_types.load("card-transactions")
LISTS = {"seven": ["7"], "some": ["1", "3", "7", "596"], "none": []}
_ONLINE = [
    "TX_AMOUNT > 60",
    "customer_count_1d > 2 && customer_ratio_7d > 1.5",
    "CUSTOMER_ID in lists.some || TERMINAL_ID in lists.seven",
    'CUSTOMER_ID.startsWith("1") && is_night == 1',
    "TX_AMOUNT / customer_mean_30d > 2 ? is_weekend == 0 : TX_AMOUNT > 90",
    "score > 1",
    "size(TRANSACTION_ID) == 2",
    "true",
]


def _ruleset(conditions, **more):
    rules = [
        {"name": f"r{number}", "outcome": "review", **({"when": rule} if isinstance(rule, str) else rule)}
        for number, rule in enumerate(conditions)
    ]
    return from_mapping({"lists": LISTS, "rules": rules, **more})


def _compile(conditions):
    return compile_rules(_ruleset(conditions), CARDS)


@pytest.fixture(scope="module")
def payments(tmp_path_factory):
    """Simulated payments of forty days as a file."""
    settings_ = LawSettings(customers=30, terminals=40, days=40, terminals_compromised_daily=1)
    path = tmp_path_factory.mktemp("payments") / "payments.parquet"
    pl.concat(Simulator(settings_).days()).write_parquet(path)
    return path


def test_rules_fire_as_they_do_online(payments):
    events = clean([payments], CARDS).events
    history, _ = of_events(events, CARDS)
    rules = _compile(_ONLINE)
    codes = firing.fire(rules, CARDS, history.variables, processes=1)
    engine, stored = OnlineEngine(CARDS), {}
    names = [column for column in events.columns if column in CARDS.required_columns and column != CARDS.label]
    for number, row in enumerate(events.select(names).iter_rows(named=True)):
        event = parse_event(CARDS, {**row, "TX_DATETIME": row["TX_DATETIME"].isoformat()})
        advanced = engine.advance(event, stored)
        stored |= advanced.profiles
        decision = rules.decide(event, advanced.features, None, None)
        online = [SKIPPED if name in decision.skipped else NOT for name in (rule.rule.name for rule in rules.compiled)]
        for fired in decision.fired:
            online[int(fired.name[1:])] = FIRED
        assert codes[number].tolist() == online
    assert (codes[:, 5] == SKIPPED).all() and all((codes[:, n] == FIRED).sum() > 0 for n in range(5))


def test_several_processes_and_a_model_change_nothing(payments, monkeypatch):
    events = clean([payments], CARDS).events
    history, features = of_events(events, CARDS)
    assert features.shape == (len(events), len(features_of(CARDS)))
    probabilities = np.random.default_rng(0).beta(0.3, 3, len(events))
    history = history.with_scores(probabilities)
    assert history.scores.tolist() == [score(value) for value in probabilities.tolist()]
    rules = _compile([*_ONLINE, "probability > 0.1 && double(int(score)) == score"])
    alone = firing.fire(rules, CARDS, history.variables, processes=1)
    monkeypatch.setattr(firing, "ALONE", 0)
    monkeypatch.setattr(firing, "ROWS_AT_ONCE", 100)
    told = []
    several = firing.fire(rules, CARDS, history.variables, 2, lambda done, total: told.append((done, total)))
    assert (several == alone).all()
    assert told[-1][0] == told[-1][1] > 0


_NUMBERS = st.sampled_from(["TX_AMOUNT", "score", "customer_count_1d", "is_night", "0", "2.5", "150", "1e3", "-3"])
_SUMS = st.recursive(
    _NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=4,
)
_TESTS = st.one_of(
    st.tuples(_SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _SUMS).map(" ".join),
    st.sampled_from(
        [
            'CUSTOMER_ID == "7"',
            "CUSTOMER_ID != TERMINAL_ID",
            "CUSTOMER_ID in ['7', '596']",
            "TERMINAL_ID in lists.some",
            'TERMINAL_ID in lists["none"]',
            "TX_AMOUNT in [1, 150.0]",
            "CUSTOMER_ID < TERMINAL_ID",
            "-TX_AMOUNT < -2",
            "CUSTOMER_ID == '\\x37'",
            "is_night == 1",
            "true",
        ]
    ),
)
_CONDITIONS = st.recursive(
    _TESTS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(" ".join),
        inner.map("!({})".format),
        inner.map("({}) == true".format),
        st.tuples(inner, inner).map("({0[0]} ? {0[1]} : true)".format),
    ),
    max_leaves=5,
)
_NUMBER = st.sampled_from([0.0, -0.0, 1.0, 2.5, 150.0, 1e3, -3.0, 1e308, -1e308, 5e-324, None])
_TEXT = st.sampled_from(["7", "596", "", "é", None])
_ROWS = st.lists(st.tuples(_NUMBER, _NUMBER, _NUMBER, _NUMBER, _TEXT, _TEXT), min_size=1, max_size=6)
_NAMES = ("TX_AMOUNT", "score", "customer_count_1d", "is_night", "CUSTOMER_ID", "TERMINAL_ID")


def test_zeros_of_either_sign_are_told_apart():
    """They are equal, but not what is divided by them."""
    rules = _compile(["(TX_AMOUNT <= 1.0 ? 1.0 / TX_AMOUNT : 0.0) > 0.0"])
    table = pl.DataFrame({"TX_AMOUNT": [0.0, -0.0, None, -0.0, 0.0]})
    assert firing.fire(rules, CARDS, table, processes=1)[:, 0].tolist() == [FIRED, NOT, SKIPPED, NOT, FIRED]


@settings(max_examples=400, deadline=None)
@given(_CONDITIONS, _ROWS)
def test_conditions_on_columns_mean_what_cel_means(condition, rows):
    try:
        rules = _compile([condition])
    except ValueError:
        return
    kinds = [pl.Float64] * 4 + [pl.String] * 2
    table = pl.DataFrame(rows, schema=list(zip(_NAMES, kinds, strict=True)), orient="row")
    codes = firing.fire(rules, CARDS, table, processes=1)
    for row, code in zip(table.iter_rows(named=True), codes[:, 0].tolist(), strict=True):
        expected = rules.evaluate({name: value for name, value in row.items() if value is not None})[0]
        assert {NOT: False, FIRED: True, SKIPPED: None}[code] is expected


@pytest.mark.parametrize(
    ("condition", "is_simple"),
    [
        ("TX_AMOUNT > 100 && !(CUSTOMER_ID in lists.some)", True),
        ("TX_AMOUNT - customer_mean_7d > 100 || score >= 560", True),
        ("CUSTOMER_ID.startsWith('7')", False),
        ("1 / 2 == 0 && TX_AMOUNT > 1", False),
        ("int(TX_AMOUNT) % 2 == 0", False),
        ("CUSTOMER_ID > TERMINAL_ID", False),
    ],
)
def test_what_most_rules_are_made_of_is_computed_on_columns(condition, is_simple):
    rules = _compile([condition])
    assert (simple(rules.compiled[0], rules.variables, LISTS) is not None) == is_simple


# (day, score or UNKNOWN, label, amount in ten-thousandths, which of three rules fire)
_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([UNKNOWN, 0, 400, 401, 1000]),
        st.sampled_from([0, 1, UNKNOWN]),
        st.sampled_from([0, 10_000, 250_033]),
        st.tuples(*[st.sampled_from([NOT, FIRED, SKIPPED])] * 3),
    ),
    min_size=1,
    max_size=25,
)
_COSTS = Costs("0.9", "1.5", "2", "0.8", "0.1", "0.25")


def _history(events):
    days, scores, labels, amounts, _ = (np.array(column) for column in zip(*events, strict=True))
    return History(pl.DataFrame(), labels, amounts, days, date(2030, 1, 1), scores)


def _price(action, label, amount):
    money = Fraction(amount, 10_000)
    missed = money * Fraction("0.9") + Fraction("1.5") if label == 1 else 0
    if action == "pass":
        return missed
    if action == "review":
        return 2 + Fraction(1, 5) * missed
    return money / 10 + Fraction(1, 4) if label == 0 else 0


def _decided(mode, rules, codes, acting):
    order = ["approve", "hold", "review", "decline"]
    outcomes = [rules[n]["outcome"] for n in acting if codes[n] == FIRED]
    if not outcomes:
        return "approve"
    return outcomes[0] if mode == "first-match" else max(outcomes, key=order.index)


@settings(max_examples=200, deadline=None)
@given(
    _EVENTS,
    st.sampled_from(["first-match", "all-match"]),
    st.tuples(*[st.tuples(st.sampled_from(["approve", "hold", "review", "decline"]), st.booleans())] * 3),
)
def test_results_are_those_of_going_through_the_events(events, mode, kinds):
    body = [
        {"name": f"r{number}", "when": "true", "outcome": outcome, "shadow": shadow}
        for number, (outcome, shadow) in enumerate(kinds)
    ]
    ruleset = _ruleset(body, mode=mode, outcomes=["approve", "hold", "review", "decline"])
    history, codes = _history(events), np.array([event[4] for event in events], dtype=np.int8)
    found = results.results(ruleset, codes, history, _COSTS)
    actions = {"approve": "pass", "hold": "review", "review": "review", "decline": "decline"}
    acting = [number for number, (_, shadow) in enumerate(kinds) if not shadow]

    def cost(acting):
        return sum(
            _price(actions[_decided(mode, body, fired, acting)], label, amount) for _, _, label, amount, fired in events
        )

    decided = [_decided(mode, body, event[4], acting) for event in events]
    assert [ruleset.outcomes[place] for place in found.outcomes] == decided
    assert found.cost == cost(acting) and found.saved == cost([]) - found.cost
    assert {name: totals.events for name, totals in found.by_outcome.items() if totals.events} == Counter(decided)
    reviews = Counter(event[0] for event, outcome in zip(events, decided, strict=True) if actions[outcome] == "review")
    assert found.busiest_review_day == max(reviews.values(), default=0)
    for number, rule in enumerate(found.rules):
        hit = [event for event in events if event[4][number] == FIRED]
        others = [other for other in acting if other != number]
        assert rule.found.events == len(hit)
        assert rule.found.frauds == sum(event[2] == 1 for event in hit)
        assert rule.found.fraud_amount == sum(event[3] for event in hit if event[2] == 1)
        assert rule.skipped == sum(event[4][number] == SKIPPED for event in events)
        assert rule.busiest_day == max(Counter(event[0] for event in hit).values(), default=0)
        assert rule.alone == sum(event[2] == 1 and all(event[4][other] != FIRED for other in others) for event in hit)
        action = actions[kinds[number][0]]
        assert rule.saved == sum(_price("pass", *event[2:4]) - _price(action, *event[2:4]) for event in hit)
        with_it = sorted([*others, number])
        assert rule.adds == cost(others) - cost(with_it)
        for other in range(3):
            both = sum(event[4][number] == FIRED and event[4][other] == FIRED for event in events)
            assert found.together[number, other] == both


@settings(max_examples=100, deadline=None)
@given(_EVENTS, st.sampled_from([0, 1, 400, 401, 402, 1000, NEVER]))
def test_a_sweep_counts_what_is_at_or_above_each_threshold(events, threshold):
    history = _history(events)
    swept = sweep(history, tally(history))
    above = [event for event in events if event[1] != UNKNOWN and event[1] >= threshold]
    expected = results.Totals(
        len(above),
        *(sum(event[2] == label for event in above) for label in (1, 0)),
        *(sum(event[3] for event in above if event[2] == label) for label in (1, 0)),
    )
    assert swept.at(threshold) == expected
    assert swept.busiest_day[threshold] == max(Counter(event[0] for event in above).values(), default=0)


def test_what_moves_between_two_rule_sets_is_counted():
    events = [(0, 1, label, 10_000, ()) for label in (1, 0, 0, UNKNOWN)]
    history = _history(events)
    fired = np.array([[FIRED], [FIRED], [NOT], [FIRED]], dtype=np.int8)
    before = results.results(_ruleset([{"when": "true", "outcome": "review"}]), fired, history, _COSTS)
    after = results.results(_ruleset([{"when": "true", "outcome": "decline"}]), fired, history, _COSTS)
    move = results.moved(before, after, history)
    assert [(one.before, one.after, one.totals.events, one.totals.frauds) for one in move] == [
        ("review", "decline", 3, 1)
    ]
    assert results.moved(before, before, history) == []


def test_decisions_are_replayed_with_the_features_and_scores_they_were_made_with():
    event = parse_event(
        CARDS,
        {"TRANSACTION_ID": 5, "TX_DATETIME": "2030-01-02", "CUSTOMER_ID": 7, "TERMINAL_ID": 8, "TX_AMOUNT": 12.5},
    )
    later = parse_event(
        CARDS,
        {"TRANSACTION_ID": 6, "TX_DATETIME": "2030-01-04", "CUSTOMER_ID": 8, "TERMINAL_ID": 8, "TX_AMOUNT": 1},
    )
    features = [float(number) for number in range(len(features_of(CARDS)))]
    history = of_decisions([(later, features, None, None, None), (event, features, 700, 0.9, 1)], CARDS)
    rules = _compile(["score == 700 && probability > 0.5", "CUSTOMER_ID in lists.seven", f"is_night == {1}"])
    assert firing.fire(rules, CARDS, history.variables, 1).tolist() == [[1, 1, 0 if features[2] != 1 else 1], [2, 0, 0]]
    assert (history.labels.tolist(), history.days.tolist()) == ([1, UNKNOWN], [0, 2])
    assert (history.amounts.tolist(), history.scores.tolist()) == ([125_000, 10_000], [700, UNKNOWN])


def test_events_too_early_to_know_their_past_are_history_alone(payments):
    events = clean([payments], CARDS).events
    times = events["TX_DATETIME"]
    assert window(events, CARDS, None, None).all()
    middle = times[len(times) // 2]
    keep = window(events, CARDS, middle, times.max())
    assert keep.sum() == ((times >= middle) & (times < times.max())).sum()
    history, _ = of_events(events, CARDS, keep)
    whole, _ = of_events(events, CARDS)
    assert history.variables.equals(whole.variables.filter(keep))
    assert window(events, event_types.load("ulb"), None, None) is None


def test_missing_probabilities_have_no_score():
    assert scores_of(np.array([0.5, 1.0])).tolist() == [500.0, 1000.0]
    history = replace(_history([(0, 0, 0, 0, ())] * 2), variables=pl.DataFrame({"score": [None, None]}))
    history = history.with_scores(np.array([0.5, np.nan]))
    assert history.scores.tolist() == [500, UNKNOWN]
    assert history.variables["score"].to_list() == [500.0, None]


@pytest.mark.parametrize("name", event_types.shipped())
def test_every_event_type_can_be_replayed(name, shared_data):
    files = {
        "card-transactions": "handbook_visible_apr_jul",
        "sparkov": "sparkov_replica_seed1_transactions",
        "ulb": "ulb_sample_all_frauds",
        "afd-transactions": "afd_transactions_2k_coldstart",
        "afd-registration": "afd_registration_20k",
        "afd-insurance": "afd_insurance_2k_coldstart",
        "auto-insurance-claims": "aws_autoinsurance_claims",
    }
    path = shared_data / f"{files.get(name, name)}.parquet"
    if not path.exists():
        pytest.skip(f"no data of {name}")
    event_type = event_types.load(name)
    frame = pl.read_parquet(path).head(3_000)
    if not set(event_type.required_columns) <= set(frame.columns):
        pytest.skip(f"{path.name} has no column of its own for each of {name}")
    small = path.parent / path.name
    events = clean([small], event_type).events.head(3_000)
    history, _ = of_events(events, event_type)
    assert len(history) == len(events) > 0
    texts = [name for name, kind in history.variables.schema.items() if kind == pl.String]
    numbers = [name for name, kind in history.variables.schema.items() if kind == pl.Float64]
    conditions = [f"{texts[-1]} != ''"] * bool(texts) + [f"{numbers[0]} >= 0"]
    rules = compile_rules(_ruleset(conditions), event_type)
    assert (firing.fire(rules, event_type, history.variables, 1) == FIRED).any()
