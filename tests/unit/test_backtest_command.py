"""scripts.backtest from the data to the report: its numbers are those of a plain calculation."""

import base64
import gzip
import json
import struct
import tarfile
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import boto3
import numpy as np
import polars as pl
import pytest
from moto import mock_aws

from fraud import models
from fraud.data.preparation import prepare
from fraud.features.batch import compute
from fraud.features.catalogue import features_of
from fraud.features.schema import FeatureSchema
from fraud.models.calibration import Calibration
from fraud.models.package import ModelPackage
from fraud.models.scoring import score
from fraud.simulation import LawSettings, Simulator
from scripts import backtest, rules
from scripts.backtesting import decisions
from scripts.ruling import platform
from tests.unit.scoring_tables import EVENT_TYPE, Platform, create_tables, payment
from training_code.splits import read_split

REPOSITORY = Path(__file__).resolve().parents[2]
RULES = """\
rules:
- {name: large, when: TX_AMOUNT > 150, outcome: decline}
- {name: medium, when: TX_AMOUNT > 100, outcome: review}
- {name: busy, when: customer_count_1d >= 4, outcome: review, shadow: true}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Simulated payments of ninety days, of which features need the first thirty-seven."""
    path = tmp_path_factory.mktemp("data") / "payments.parquet"
    law = LawSettings(customers=120, terminals=200, days=90, customers_compromised_daily=1)
    pl.concat(Simulator(law).days()).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    """A model trained on the first days, as a model.tar.gz."""
    folder = tmp_path_factory.mktemp("model")
    early = folder / "early.parquet"
    frame = pl.read_parquet(data)
    frame.filter(pl.col("TX_DATETIME") < frame["TX_DATETIME"].min() + timedelta(days=70)).write_parquet(early)
    prepare([early], EVENT_TYPE, folder / "prepared", log=lambda text: None)
    schema = FeatureSchema.load(folder / "prepared" / "schema")
    splits = {name: read_split(folder / "prepared" / name, schema, name) for name in ("train", "validation")}
    learner = models.trainer("logistic-regression")
    settings = models.parse(learner.parameters, {})
    fitted = learner.fit(splits["train"].data, splits["validation"].data, settings, lambda number, metrics: None)
    metadata = {"training": splits["train"].summary(), "validation": splits["validation"].summary()}
    ModelPackage(fitted, schema, Calibration(), metadata).save(folder / "model", REPOSITORY)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(folder / "model", ".")
    return folder / "model.tar.gz"


@pytest.fixture
def run(tmp_path, capsys):
    """Runs a backtest and returns (exit code, findings, page, standard output, standard error)."""

    def run(*arguments):
        out, body = tmp_path / "report.html", tmp_path / "findings.json"
        code = backtest.main([*map(str, arguments), "--out", str(out), "--json", str(body), "--processes", "1"])
        shown = capsys.readouterr()
        found = json.loads(body.read_text()) if body.exists() else None
        return code, found, out.read_text() if out.exists() else None, shown.out, shown.err

    return run


@pytest.fixture
def ruleset(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


class _Page(HTMLParser):
    """Ids, what is asked of the network, and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.fetched, self.tags, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        links = (given.get(name, "") or "" for name in ("src", "href", "xlink:href"))
        self.fetched += [link for link in links if link and not link.startswith("#")]

    def handle_data(self, text):
        self.text += text


def test_counts_and_money_are_those_of_a_plain_calculation(run, data, ruleset):
    code, found, page, out, err = run("--data", data, "--rules", ruleset, "--review-cost", "3")
    assert code == 0, err
    frame = pl.read_parquet(data)
    times = frame["TX_DATETIME"]
    frame = frame.filter(times >= times.min() + timedelta(days=EVENT_TYPE.history_days))
    assert found["events"] == len(frame)
    fraud, amount = frame["TX_FRAUD"] == 1, frame["TX_AMOUNT"]
    large, medium = found["result"]["rules"][:2]
    hit = amount > 150
    assert (large["events"], large["frauds"]) == (hit.sum(), (hit & fraud).sum())
    assert large["precision"] == pytest.approx((hit & fraud).sum() / hit.sum())
    assert large["recall"] == pytest.approx((hit & fraud).sum() / fraud.sum())
    assert large["amount_recall"] == pytest.approx(amount.filter(hit & fraud).sum() / amount.filter(fraud).sum())
    days = frame["TX_DATETIME"].dt.date().value_counts()
    assert large["a_day"] == pytest.approx(hit.sum() / len(days))
    per_day = frame.filter(hit)["TX_DATETIME"].dt.date().value_counts()["count"]
    assert large["busiest_day"] == per_day.max()
    saved = amount.filter(hit & fraud).sum() - 0.1 * amount.filter(hit & ~fraud).sum()
    assert large["saved"] == pytest.approx(saved, abs=1e-6)
    between = (amount > 100) & ~hit
    adds = amount.filter(between & fraud).sum() - 3 * between.sum()
    assert medium["adds"] == pytest.approx(adds, abs=1e-6)
    assert found["result"]["saved"] == pytest.approx(saved + adds, abs=1e-6)
    assert found["result"]["reviews_a_day"] == pytest.approx(between.sum() / len(days))
    assert found["result"]["fired_together"][0][1] == hit.sum()
    assert found["result"]["rules"][2]["shadow"] and found["result"]["rules"][2]["events"] > 0
    assert "large" in out and "Report:" in out and "thresholds" not in found
    parsed = _Page(page)
    assert not parsed.fetched and "script" not in parsed.tags
    assert len(parsed.ids) == len(set(parsed.ids)) and {"rule-set", "rules", "time", "method"} <= set(parsed.ids)
    assert parsed.tags.count("svg") == 2 and "without a model there are no scores" in parsed.text


def test_a_model_gives_scores_and_thresholds_and_a_candidate_is_compared(run, data, model, ruleset):
    ruleset.write_text(RULES + "- {name: likely, when: score >= 450, outcome: review}\n")
    arguments = ("--data", data, "--rules", ruleset, "--against", "starter", "--model", model)
    code, found, page, out, err = run(*arguments, "--reviews-a-day", "3")
    assert code == 0, err
    # What the model has learnt from is history alone.
    assert found["first_day"] > "2018-05-20" and not any("flattered" in note for note in found["notes"])
    for threshold in found["thresholds"]:
        if threshold["why"] == "rule likely":
            rule = found["result"]["rules"][3]
            assert (threshold["events"], threshold["frauds"]) == (rule["events"], rule["frauds"])
            break
    else:
        raise AssertionError("the rule's own threshold is not shown")
    assert found["by_budget"]["most_in_a_day"] <= 3
    assert found["by_cost"]["saved"] >= found["by_budget"]["saved"]
    assert found["other"]["name"] == "the platform's own rules"
    moved = sum(move["events"] for move in found["moved"])
    assert 0 < moved <= found["events"]
    assert found["other"]["rules"][0]["name"] == "very-likely-fraud"
    assert _Page(page).tags.count("svg") == 4 and "Decided otherwise" in page and "Least cost" in out
    code, found, _, _, _ = run(*arguments, "--from", "2018-05-15")
    assert code == 0 and found["first_day"] == "2018-05-15"
    assert any("learnt from events until" in note for note in found["notes"])


def test_scores_are_those_of_the_model(data, model, run, tmp_path):
    frame = pl.read_parquet(data).tail(400)
    start = frame["TX_DATETIME"][0]
    code, found, *_ = run("--data", data, "--rules", "starter", "--model", model, "--from", start.isoformat())
    assert code == 0
    with tarfile.open(model) as archive:
        archive.extractall(tmp_path / "model", filter="data")
    package = ModelPackage.load(tmp_path / "model")
    features = compute(pl.read_parquet(data), EVENT_TYPE).tail(400).cast(pl.Float32).to_numpy()
    scores = [score(value) for value in package.fraud_probability(features).tolist()]
    high, possible = found["result"]["rules"]
    assert high["events"] == sum(value >= 560 for value in scores)
    assert possible["events"] == sum(value >= 405 for value in scores)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "either --data or --decisions"),
        (("--data", "none.parquet"), "no such file"),
        (("--review-cost", "-1"), "review: -1 is negative"),
        (("--review-share", "2"), "from 0 to 1"),
        (("--from", "2018-06-01", "--to", "2018-05-01"), "--from must be before --to"),
        (("--days", "0"), "--days: more than 0"),
        (("--from", "2040-01-01"), "no event is left"),
        (("--model", "none.tar.gz"), "no such folder or model.tar.gz"),
        (("--action", "hold=review"), "no outcome 'hold'"),
        (("--rules", "none.yaml"), "none.yaml: cannot be read"),
    ],
)
def test_what_cannot_be_replayed_is_explained_and_nothing_is_written(run, data, ruleset, arguments, words):
    given = () if "--data" in arguments or not arguments else ("--data", data)
    rules_ = () if "--rules" in arguments else ("--rules", ruleset)
    code, found, page, _, err = run(*given, *rules_, *arguments)
    assert (code, found, page) == (2, None, None) and words in err and "Traceback" not in err


def test_faulty_rules_are_named_with_their_place(run, data, ruleset):
    ruleset.write_text(RULES.replace("TX_AMOUNT > 100", "TX_AMOUN > 100"))
    code, _, _, _, err = run("--data", data, "--rules", ruleset)
    assert code == 2 and f"{ruleset}:3:24: rule medium, line 1, column 1: there is no variable 'TX_AMOUN'" in err


def test_a_model_of_other_features_is_refused(run, data, ruleset, tmp_path, model):
    with tarfile.open(model) as archive:
        archive.extractall(tmp_path / "model", filter="data")
    path = tmp_path / "model" / "feature_schema.json"
    body = json.loads(path.read_text())
    body["features"] = body["features"][::-1]
    path.write_text(json.dumps(body))
    code, _, _, _, err = run("--data", data, "--rules", ruleset, "--model", tmp_path / "model")
    assert code == 2 and "in another order" in err
    (tmp_path / "model" / "calibration.json").unlink()
    code, _, _, _, err = run("--data", data, "--rules", ruleset, "--model", tmp_path / "model")
    assert code == 2 and "calibration.json is missing" in err


@pytest.fixture
def cloud(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    outputs = {"RulesTableName": "rules", "DecisionsTableName": "decisions"}
    for module in (platform, decisions):
        monkeypatch.setattr(module, "outputs_of", lambda clients, stack: outputs)
    with mock_aws():
        yield


def _decide(service, days):
    """A payment of 160 each day, scored and stored; that of the second day becomes known as fraud."""
    for day in range(days):
        service.now = datetime(2026, 1, 1).timestamp() + day * 86_400
        at = f"2025-12-{day + 1:02}T12:00:00Z"
        service.transactions.score(payment(day, TX_DATETIME=at, TX_AMOUNT=160.0 if day % 2 else 20.0))
    service.labels.record({"id": "1", "label": "fraud"})


def test_stored_decisions_are_replayed_against_the_rules_in_force(run, cloud, ruleset, tmp_path):
    service = Platform()
    service.model.probability = 0.9
    _decide(service, 20)
    assert rules.main(["publish", str(ruleset), "--activate"]) == 0
    candidate = tmp_path / "candidate.yaml"
    candidate.write_text(RULES.replace("outcome: decline", "outcome: review"))
    code, found, _, out, err = run("--decisions", "table", "--rules", candidate, "--against", "active")
    assert code == 0, err
    assert (found["events"], found["result"]["rules"][0]["events"]) == (20, 10)
    # The last seven days have no labels yet; who has not complained by then is genuine.
    assert found["labelled"] == 13 and found["result"]["rules"][0]["frauds"] == 1
    assert found["other"]["name"] == "version 1 (in force)"
    assert [(move["before"], move["after"], move["events"]) for move in found["moved"]] == [("decline", "review", 10)]
    assert found["thresholds"] and "no label yet" in out
    export = tmp_path / "export" / "AWSDynamoDB" / "data"
    export.mkdir(parents=True)
    items = boto3.client("dynamodb").scan(TableName="decisions")["Items"]
    plain = json.dumps(items, default=lambda raw: base64.b64encode(raw).decode())
    text = "".join(f"{json.dumps({'Item': item})}\n" for item in json.loads(plain))
    (export / "part.json.gz").write_bytes(gzip.compress(text.encode()))
    (export.parent / "manifest-summary.json").write_text("{}")
    again = run("--decisions", tmp_path / "export", "--rules", candidate, "--against", "active")
    assert again[0] == 0 and again[1]["result"] == found["result"]
    (export / "part.json.gz").write_bytes(b"no gzip")
    code, _, _, _, err = run("--decisions", tmp_path / "export", "--rules", candidate)
    assert code == 2 and "no file of a DynamoDB export" in err


def test_decisions_of_other_features_are_left_out_and_said(run, cloud, ruleset):
    create = Platform()
    _decide(create, 3)
    client = boto3.client("dynamodb")
    size = struct.pack("<d", 1.0)
    client.update_item(
        TableName="decisions",
        Key={"id": {"S": "2"}},
        UpdateExpression="SET features = :other",
        ExpressionAttributeValues={":other": {"B": size}},
    )
    code, found, *_ = run("--decisions", "table", "--rules", ruleset)
    assert code == 0 and found["events"] == 2 and "left out: 1 decisions" in found["notes"][0]
    assert len(features_of(EVENT_TYPE)) > 1


def test_published_lists_are_those_that_count(run, cloud, data, ruleset, tmp_path):
    create_tables(boto3.client("dynamodb"))
    customer = pl.read_parquet(data)["CUSTOMER_ID"].mode()[0]
    watched = "lists: {watched: []}\nrules:\n- {name: w, when: CUSTOMER_ID in lists.watched, outcome: review}\n"
    ruleset.write_text(watched)
    assert rules.main(["publish", str(ruleset), "--activate"]) == 0
    assert run("--data", data, "--rules", "active")[1]["result"]["rules"][0]["events"] == 0
    assert rules.main(["lists", "add", "watched", str(customer)]) == 0
    events = run("--data", data, "--rules", "active")[1]["result"]["rules"][0]["events"]
    assert events > 0
    assert np.isclose(run("--data", data, "--rules", "1")[1]["result"]["rules"][0]["events"], events)
