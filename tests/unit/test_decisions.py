"""Rules: what they may say, what they decide, and what is said of those that are wrong."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud import event_types
from fraud.decisions import RuleError, compile_rules, default_ruleset, from_mapping, to_mapping
from fraud.decisions.afd import ConversionError, to_cel
from fraud.decisions.model import Rule, RuleSet
from fraud.event_types.event import Event
from fraud.features.catalogue import features_of

CARDS = event_types.load("card-transactions")
NAMES = [feature.name for feature in features_of(CARDS)]
EVENT = Event("1", 0, {"TRANSACTION_ID": "1", "TX_AMOUNT": 150.0, "CUSTOMER_ID": "7", "TERMINAL_ID": "9"})
FEATURES = [float(position) for position in range(len(NAMES))]


def _decide(*conditions, mode="first-match", lists=None, score=700, probability=0.9, features=FEATURES, **changes):
    rules = [
        {"name": f"r{n}", "when": when, "outcome": outcome, **changes} for n, (when, outcome) in enumerate(conditions)
    ]
    rules = compile_rules(from_mapping({"mode": mode, "lists": lists or {}, "rules": rules}), CARDS)
    return rules.decide(EVENT, features, score, probability)


def _faults(when, **body):
    with pytest.raises(RuleError) as caught:
        compile_rules(from_mapping({"rules": [{"name": "r", "when": when, "outcome": "review"}], **body}), CARDS)
    return caught.value.faults


def test_the_first_rule_that_fires_decides_and_all_that_fire_are_reported():
    decision = _decide(("score > 900", "decline"), ("TX_AMOUNT > 100", "review"), ("score > 600", "decline"))
    assert decision.outcome == "review"
    assert [rule.name for rule in decision.fired] == ["r1", "r2"]


def test_of_all_matches_the_most_severe_outcome_decides():
    rules = [("TX_AMOUNT > 100", "review"), ("score > 600", "decline"), ("true", "approve")]
    assert _decide(*rules, mode="all-match").outcome == "decline"


def test_without_a_match_the_default_decides():
    assert _decide(("score > 900", "decline")).outcome == "approve"


def test_shadow_rules_are_reported_and_decide_nothing():
    decision = _decide(("true", "decline"), shadow=True)
    assert (decision.outcome, decision.fired[0].shadow) == ("approve", True)


def test_features_columns_lists_and_functions_are_at_hand():
    lists = {"blocked": ["7", "8"]}
    for when in (
        "CUSTOMER_ID in lists.blocked",
        'CUSTOMER_ID in lists["blocked"]',
        f"customer_count_7d == {NAMES.index('customer_count_7d')}",
        "is_weekend in [1, 2] || is_weekend in [0, 3]",
        "2 < TX_AMOUNT && -3 < TX_AMOUNT && TX_AMOUNT * 2 > 299 && TX_AMOUNT / 3 == 50",
        'TERMINAL_ID.startsWith("9") && size(TERMINAL_ID) == 1',
        "// of a comment\n TX_AMOUNT >= 150",
        "(TX_AMOUNT + 1 > 100 ? 1 : 2) == 1",
        "(1 + 2) < TX_AMOUNT && TX_AMOUNT > 200 * (1 / 2)",
        "TX_AMOUNT == (score > 1 ? TX_AMOUNT : 3) && TX_AMOUNT == (score < 1 ? 3 : TX_AMOUNT)",
        '"7" in lists.blocked && lists.blocked[1] == "8" && size(lists.blocked) == 2',
        "CUSTOMER_ID // a comment between\n in lists.blocked",
        "!(TERMINAL_ID in lists.blocked) && (false ? false : CUSTOMER_ID in lists['blocked'])",
    ):
        assert [rule.name for rule in _decide((when, "review"), lists=lists).fired] == ["r0"], when


def test_without_a_score_rules_that_need_it_are_skipped_and_named():
    decision = _decide(("score > 1", "decline"), ("TX_AMOUNT > 1", "review"), score=None, probability=None)
    assert (decision.outcome, decision.skipped) == ("review", ("r0",))


def test_a_missing_feature_skips_the_rule_even_when_it_is_negated():
    features = [float("nan")] * len(NAMES)
    assert _decide(("!(customer_count_1d > 3)", "decline"), features=features).skipped == ("r0",)


def test_a_rule_that_fails_is_skipped_and_never_breaks_the_decision():
    decision = _decide(('TERMINAL_ID.matches("a(")', "decline"), ('timestamp(TERMINAL_ID) > timestamp("x")', "decline"))
    assert (decision.outcome, decision.skipped) == ("approve", ("r0", "r1"))


def test_a_rule_that_loops_too_long_is_skipped():
    lists = {"long": [str(number) for number in range(20_000)]}
    decision = _decide(("lists.long.exists(text, text == CUSTOMER_ID + '!')", "decline"), lists=lists)
    assert (decision.outcome, decision.skipped) == ("approve", ("r0",))


def test_looking_up_a_long_list_takes_no_longer():
    rules = {}
    for size in (10, 100_000):
        lists = {"long": [f"card{number}" for number in range(size)]}
        body = {"lists": lists, "rules": [{"name": "r", "when": "CUSTOMER_ID in lists.long", "outcome": "review"}]}
        rules[size] = compile_rules(from_mapping(body), CARDS)
    times = {size: min(_seconds(chosen) for _ in range(20)) for size, chosen in rules.items()}
    assert times[100_000] < 20 * times[10]


def _seconds(rules):
    start = time.perf_counter()
    rules.decide(EVENT, FEATURES, 1, 0.1)
    return time.perf_counter() - start


_TESTS = st.sampled_from(
    ["CUSTOMER_ID in lists.a", 'TERMINAL_ID in lists["b"]', "'7' in lists.a", "true", "score > 699"]
)
_CONDITIONS = st.recursive(
    _TESTS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("({0[0]} && {0[1]})".format),
        st.tuples(inner, inner).map("{0[0]} || {0[1]}".format),
        inner.map("!({})".format),
        st.tuples(inner, inner, inner).map("({0[0]} ? {0[1]} : {0[2]})".format),
        inner.map("({}) == true".format),
        inner.map("lists.b.exists(CUSTOMER_ID, {})".format),
    ),
    max_leaves=8,
)


@given(_CONDITIONS, st.lists(st.sampled_from("789"), unique=True), st.lists(st.sampled_from("789"), unique=True))
def test_lookups_mean_what_cel_means(condition, a, b):
    lists = {"a": a, "b": b}
    decision = _decide((condition, "review"), lists=lists)
    # A macro over a single element leaves the condition as it is, and with it CEL's own membership.
    plain = _decide((f"[1].exists(one, {condition})", "review"), lists=lists)
    assert [rule.name for rule in decision.fired] == [rule.name for rule in plain.fired]
    assert decision.skipped == plain.skipped


@pytest.mark.parametrize(
    ("when", "line", "column", "words"),
    [
        ("TX_AMOUN > 100", 1, 1, "did you mean TX_AMOUNT"),
        ("TX_AMOUNT > 1 &&\n  2 < TX_AMOUNT && foo", 2, 20, "no variable 'foo'"),
        ("CUSTOMER_ID > 3", 1, 13, "put texts (identifiers too) in quotes"),
        ("TX_AMOUNT", 1, 1, "must be true or false"),
        ("score >", 1, 8, "ends too early"),
        ("score > 1 and TX_AMOUNT > 1", 1, 11, "write &&"),
        ("score = 1", 1, 7, "write =="),
        ("tx_amount > 1", 1, 1, "did you mean TX_AMOUNT"),
        ("1 < 2 && round(score) > 1", 1, 10, "no function 'round'"),
        ("TX_AMOUNT > size(CUSTOMER_ID)", 1, 11, "convert one by double(...)"),
        ("customer_count_1d % 2 == 0", 1, 19, "write int(...)"),
        ("CUSTOMER_ID in [596]", 1, 13, "put texts"),
        ("CUSTOMER_ID in lists.nope", 1, 22, "no list 'nope'"),
        ("size(lists[CUSTOMER_ID]) > 0", 1, 12, "name the list"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(when, line, column, words):
    fault = _faults(when)[0]
    assert (fault.rule, fault.line, fault.column) == ("r", line, column)
    assert words in fault.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "mapping"),
        ({"rules": [], "mode": "some"}, "mode"),
        ({"rules": [], "default": "pay"}, "default"),
        ({"rules": [{"name": "A B", "when": "true", "outcome": "review"}]}, "name"),
        ({"rules": [{"name": "a", "when": "true", "outcome": "burn"}]}, "outcome"),
        ({"rules": [{"name": "a", "when": "true", "outcome": "review"}] * 2}, "twice"),
        ({"rules": [], "lists": {"a": [1]}}, "lists.a"),
        ({"rules": [], "color": 1}, "color"),
        ({"rules": [{"name": "a", "when": " ", "outcome": "review", "size": 1}]}, "size"),
    ],
)
def test_a_malformed_rule_set_is_refused_by_field(body, words):
    with pytest.raises(RuleError, match=words):
        from_mapping(body)


def test_the_stored_form_reads_back_equal():
    rules = (Rule("a", "score > 1", "hold", True, "why"), Rule("b", "true", "approve"))
    ruleset = RuleSet(rules, "all-match", ("approve", "hold"), "approve", 7, {"cards": ("1", "2")})
    assert from_mapping(to_mapping(ruleset)) == ruleset


@pytest.mark.parametrize("name", event_types.shipped())
def test_the_default_rules_fit_every_event_type(name):
    compile_rules(default_ruleset(), event_types.load(name))


@given(st.text(max_size=60))
def test_no_condition_breaks_the_compiler(text):
    try:
        compile_rules(RuleSet((Rule("r", text, "review"),)), CARDS)
    except RuleError as error:
        assert error.faults


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("$amount > 1000 and $model_score > 900", "amount > 1000 && score > 900"),
        ("$sample_fraud_insightscore <= 700 or !($x == 'US')", "score <= 700 || ! (x == 'US')"),
        ("$ip in @blocked", "ip in lists.blocked"),
        ("$ip not in @allowed and $n not in [5, 10]", "!(ip in lists.allowed) && !(n in [5, 10])"),
        ('regex_match(".*@gmail\\.com", lowercase($email))', 'email.matches(r"(?i)^(?:.*@gmail\\.com)$")'),
        ("$a + $b * 2 < 10", "a + b * 2 < 10"),
    ],
)
def test_rules_of_amazon_fraud_detector_are_converted(theirs, ours):
    assert to_cel(theirs) == ours


def test_converted_rules_compile_and_decide():
    when = to_cel(
        "$amount > 100 and $fraud_insightscore >= 700 and $card not in @safe",
        {"amount": "TX_AMOUNT", "card": "CUSTOMER_ID"},
    )
    assert _decide((when, "decline"), lists={"safe": ["1"]}).outcome == "decline"


@pytest.mark.parametrize("expression", ["$a # 3", "getdate($a) > 3", "regex_match($a)", "not in @b", "regex_match("])
def test_what_cannot_be_converted_is_named(expression):
    with pytest.raises(ConversionError):
        to_cel(expression)
