"""What the scoring function promises: each event counted once, decided once, labelled, and never a card number kept."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from moto import mock_aws

from fraud import event_types
from fraud.decisions import Rule, RuleSet, compile_rules, to_mapping
from fraud.event_types.payload import parse_event
from fraud.features.online import ProfileKey
from inference_code.scoring.active_rules import KEPT_SECONDS, ActiveRules
from inference_code.scoring.problems import Problem
from inference_code.scoring.transactions import fingerprint_of
from tests.unit.scoring_tables import EVENT_TYPE, SETTINGS, Platform, payment

CARD = "4111 1111 1111 1111"


@pytest.fixture
def platform(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield Platform()


def _refused(work, status):
    with pytest.raises(Problem) as caught:
        work()
    assert caught.value.status == status
    return caught.value.body()


def _count(platform, identifier, feature="customer_count_1d"):
    features = platform.store.decision(str(identifier))["features"]
    names = platform.transactions.engine.feature_names
    return platform.transactions._pack.unpack(features)[names.index(feature)]


def test_a_payment_is_scored_decided_and_kept(platform):
    platform.model.probability = 0.95
    answer = platform.transactions.score(payment())
    assert (answer["outcome"], answer["score"], answer["degraded"]) == ("decline", 950, False)
    shown = platform.reading.one("1")
    assert shown["event"] == payment() and shown["status"] == "decided"
    assert {key: shown[key] for key in answer} == answer
    assert platform.reporter.counted == ["Decisions"]


def test_a_repeat_returns_the_first_answer_and_counts_nothing(platform):
    first = platform.transactions.score(payment())
    platform.model.probability = 0.99
    again = dict(reversed(payment().items()))
    assert platform.transactions.score(again) == first
    assert platform.model.asked == 1
    assert platform.transactions.score(payment(2)) and _count(platform, 2) == 2


def test_other_content_under_the_same_id_is_a_conflict(platform):
    platform.transactions.score(payment())
    _refused(lambda: platform.transactions.score(payment(TX_AMOUNT=57.17)), 409)
    assert "ConflictingTransactions" in platform.reporter.counted


def test_a_request_that_died_is_finished_by_its_repeat_with_the_features_of_then(platform):
    event = parse_event(EVENT_TYPE, payment())
    snapshot = platform.store.read(event.id, platform.transactions.engine.keys(event))
    record, profiles = platform.transactions._next(event, payment(), fingerprint_of(payment()), snapshot.profiles)
    platform.store.reserve(record, profiles, snapshot, 0)
    platform.transactions.score(payment(2))
    assert platform.transactions.score(payment())["outcome"] == "approve"
    assert (_count(platform, 1), _count(platform, 2)) == (1, 2)


def test_64_writers_of_one_card_lose_no_count(platform):
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda n: platform.transactions.score(payment(n)), range(64)))
    assert len({answer["id"] for answer in answers}) == 64
    assert sorted(_count(platform, n) for n in range(64)) == list(range(1, 65))


def test_the_same_event_sent_by_many_at_once_counts_once(platform):
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: platform.transactions.score(payment()), range(16)))
    assert all(answer == answers[0] for answer in answers)
    platform.transactions.score(payment(2))
    assert _count(platform, 2) == 2


@pytest.mark.parametrize(("policy", "outcome"), [("rules", "review"), ("open", "approve"), ("closed", "decline")])
def test_without_the_model_rules_decide_and_the_answer_says_so(platform, policy, outcome):
    platform.transactions._settings = replace(SETTINGS, fail_policy=policy)
    large = Rule("large", "TX_AMOUNT > 1000", "decline")
    scored = Rule("scored", "score > 1", "decline")
    ruleset = RuleSet((scored, large), default="review")
    platform.rules = compile_rules(ruleset, EVENT_TYPE)
    platform.model.error = "ModelError"
    answer = platform.transactions.score(payment())
    assert (answer["outcome"], answer["degraded"], answer["score"]) == (outcome, True, None)
    assert answer["skipped_rules"] == ["scored"]
    assert platform.transactions.score(payment(2, TX_AMOUNT=2000.0))["outcome"] == "decline"
    assert platform.reporter.counted.count("DegradedDecisions") == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"TX_AMOUNT": "much"}, "TX_AMOUNT"),
        ({"TX_AMOUNT": None}, "TX_AMOUNT"),
        ({"TX_DATETIME": "yesterday"}, "TX_DATETIME"),
        ({"TX_DATETIME": "2026-01-01T01:00:00Z"}, "TX_DATETIME"),
        ({"CUSTOMER_ID": [1]}, "CUSTOMER_ID"),
        ({"COLOUR": "red"}, "COLOUR"),
    ],
)
def test_invalid_fields_are_named_and_nothing_is_kept(platform, changes, field):
    body = _refused(lambda: platform.transactions.score(payment(**changes)), 422)
    assert [error["field"] for error in body["errors"]] == [field]
    assert platform.dynamodb.scan(TableName="decisions")["Count"] == 0


@pytest.mark.parametrize(
    "where", ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "note", CARD]
)
def test_a_card_number_is_refused_and_leaves_no_trace(platform, where):
    value = 4111111111111111 if where == "TX_AMOUNT" else f"card {CARD}"
    body = _refused(lambda: platform.transactions.score(payment(**{where: value})), 422)
    kept = [platform.dynamodb.scan(TableName=table)["Items"] for table in ("decisions", "profiles")]
    assert "1111" not in json.dumps([body, kept, platform.reporter.warnings])


def test_a_fraud_reaches_the_profiles_after_its_delay_and_the_monitors_at_once(platform):
    platform.transactions.score(payment())
    assert platform.labels.record({"id": 1, "label": "fraud"}) == {"id": "1", "label": "fraud"}
    assert platform.reading.one("1")["label"] == "fraud"
    keys = [item["Key"] for item in platform.s3.list_objects_v2(Bucket="captures")["Contents"]]
    assert keys == ["ground-truth/2026/01/01/00/1.jsonl"]
    line = json.loads(platform.s3.get_object(Bucket="captures", Key=keys[0])["Body"].read())
    assert (line["groundTruthData"]["data"], line["eventMetadata"]["eventId"]) == ("1", "1")
    platform.now += 9 * 86_400
    platform.transactions.score(payment(2, TX_DATETIME="2026-01-09T12:00:00Z"))
    assert _count(platform, 2, "terminal_risk_7d") == 1.0


def test_a_label_is_recorded_once_and_can_be_withdrawn(platform):
    platform.transactions.score(payment())
    key = ProfileKey("terminal", "3156")
    before = platform.store.read("1", (key,)).profiles
    for label in ("fraud", "fraud", "genuine"):
        platform.labels.record({"id": "1", "label": label})
    assert platform.store.read("1", (key,)).profiles == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "7", "label": "fraud"}, 404),
        ({"id": "1", "label": "maybe"}, 422),
        ({"id": "1", "label": "fraud", "at": "soon"}, 422),
        ({"id": "1", "label": "fraud", "at": "2026-02-01T00:00:00Z"}, 422),
        ({"id": "1", "label": "fraud", "at": "2025-01-01"}, 422),
        ({"id": CARD, "label": "fraud"}, 422),
        ({"label": "fraud", "why": 1}, 422),
        ([], 400),
    ],
)
def test_labels_that_cannot_be_recorded_are_refused(platform, body, status):
    platform.transactions.score(payment())
    _refused(lambda: platform.labels.record(body), status)


def test_an_entitys_decisions_come_latest_first_in_pages(platform):
    for number in range(5):
        platform.transactions.score(payment(number, TX_DATETIME=f"2025-12-31T1{number}:00:00Z"))
    platform.transactions.score(payment(9, CUSTOMER_ID=1))
    page = platform.reading.of_entity({"entity": "customer:596", "limit": "3"})
    rest = platform.reading.of_entity({"entity": "customer:596", "limit": "3", "next": page["next"]})
    assert [item["id"] for item in page["decisions"] + rest["decisions"]] == ["4", "3", "2", "1", "0"]
    assert "next" not in rest


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"entity": "ship:1"},
        {"entity": "customer:"},
        {"entity": f"customer:{CARD}"},
        {"entity": f"{CARD}:1"},
        {"entity": "customer:1", CARD: "1"},
        *({"entity": "customer:1", name: value} for name, value in (("limit", "0"), ("next", "?"), ("color", "1"))),
    ],
)
def test_questions_that_make_no_sense_are_refused(platform, parameters):
    _refused(lambda: platform.reading.of_entity(parameters), 422)


def test_active_rules_change_without_a_deployment_and_bad_ones_are_ignored(platform):
    now, warnings = [0.0], []
    rules = ActiveRules(platform.dynamodb, "rules", EVENT_TYPE, warnings.append, clock=lambda: now[0])
    assert rules.get().ruleset.version == 0

    def publish(name, version, body):
        item = {"name": {"S": name}, "version": {"N": str(version)}, "body": {"S": json.dumps(body)}}
        pointer = {"name": {"S": name}, "version": {"N": "0"}, "active": {"N": str(version)}}
        for put in (item, pointer):
            platform.dynamodb.put_item(TableName="rules", Item=put)

    body = to_mapping(RuleSet((Rule("listed", "CUSTOMER_ID in lists.watched", "review"),), lists={"watched": ()}))
    publish("list#watched", 1, ["596"])
    publish("ruleset", 3, body)
    assert rules.get().ruleset.version == 0
    now[0] += KEPT_SECONDS
    active = rules.get().ruleset
    assert (active.version, active.lists) == (3, {"watched": ("596",)})
    publish("ruleset", 4, {**body, "rules": [{"name": "bad", "when": "nothing > 1", "outcome": "review"}]})
    now[0] += KEPT_SECONDS
    assert rules.get().ruleset.version == 3
    assert "nothing" in warnings[0]


def test_an_event_type_without_entities_or_id_is_scored_too(platform):
    ulb = event_types.load("ulb")
    transactions = type(platform.transactions)(
        ulb, SETTINGS, platform.store, platform.model, lambda: platform.rules, platform.reporter, lambda: platform.now
    )
    body = {variable.column: 0.5 for variable in ulb.variables} | {"Amount": 3.5, "id": "a"}
    assert transactions.score(body)["outcome"] == "approve"
