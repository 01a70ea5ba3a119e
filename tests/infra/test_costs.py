"""What an environment costs: everything in its templates is priced or free, and sums agree with those made by hand."""

from __future__ import annotations

import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scripts import estimate_cost
from scripts.costing import show
from scripts.costing.estimate import FREE, PRICED, Estimate, estimate
from scripts.costing.items import Pricing
from scripts.costing.machines import runs_a_month
from scripts.costing.templates import Resource, load
from scripts.costing.usage import Usage
from stacks import prices
from stacks.config import load_config
from tests.infra.conftest import ENVIRONMENTS, REPOSITORY, VARIATION, Assembly

HOURS = 730


def costs(assembly: Assembly, usage: Usage | None = None, **settings: Any) -> Estimate:
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"] | {"env": assembly.environment}
    if settings:
        context["settings"] = json.dumps(settings)
    return estimate(load(assembly.folder), Pricing(load_config(context), usage or Usage()))


def usd(found: Estimate, group: str, kind: str = "", price: str = "") -> float:
    return sum(i.usd for i in found.items if i.group == group and kind in i.type and price in i.price)


def test_everything_that_is_deployed_is_priced_or_named_as_free(assembly: Assembly, varied: Assembly) -> None:
    for found, folder in ((costs(assembly), assembly), (costs(varied, **VARIATION), varied)):
        assert found.unpriced == ()
        types = {resource.type for resource in load(folder.folder)}
        assert types <= PRICED.keys() | FREE.keys()
        assert {item.type for item in found.items} == types & PRICED.keys()
        assert found.free.keys() == types & FREE.keys()


def test_what_has_no_price_is_named_and_fails_the_command(prod: Assembly, tmp_path: Path) -> None:
    template = prod.template("serving")
    template["Resources"]["Cache"] = {"Type": "AWS::ElastiCache::CacheCluster", "Properties": {"ClusterName": "hot"}}
    (variant,) = template["Resources"]["fraudstackprodendpointconfig"]["Properties"]["ProductionVariants"]
    variant["InstanceType"] = "ml.inf9.huge"
    (tmp_path / "serving.template.json").write_text(json.dumps(template))
    said = io.StringIO()
    options = ["--env", "prod", "--templates", str(tmp_path)]
    assert estimate_cost.main(options, Console(file=said, width=200)) == 1
    assert "not priced hot (AWS::ElastiCache::CacheCluster)" in said.getvalue()
    assert re.search(
        r"not priced .*no price is known of ml\.inf9\.huge: give it as retraining\.hourly_usd", said.getvalue()
    )


def test_the_endpoint_is_paid_from_its_least_to_its_most(prod: Assembly) -> None:
    """3 to 12 × ml.m5.xlarge at 0.23 an hour, and one of a challenger while one runs."""
    found = costs(prod, Usage(transactions_per_day=0))
    assert usd(found, "Endpoint") == pytest.approx(3 * 0.23 * HOURS)
    assert sum(i.most for i in found.items if i.group == "Endpoint") == pytest.approx((12 + 1) * 0.23 * HOURS)


@pytest.mark.parametrize(("environment", "zones"), [("dev", 1), ("prod", 2)])
def test_the_network_is_paid_by_endpoint_and_zone(
    assemblies: dict[str, Assembly], environment: str, zones: int
) -> None:
    found = costs(assemblies[environment], Usage(transactions_per_day=0))
    assert usd(found, "Network") == pytest.approx(11 * zones * 0.01 * HOURS)


def test_requests_are_paid_by_the_transaction(prod: Assembly) -> None:
    """A million a day for 730 hours, of 100 ms in 1 GB, with 2 entities, 3 KB profiles and 1.5 KB decisions."""
    found = costs(prod, Usage(transactions_per_day=1_000_000))
    month = 1_000_000 * 730 / 24
    assert usd(found, "API", price="api-request") == pytest.approx(month * 3.5e-6)
    assert usd(found, "API", price="lambda-gb") == pytest.approx(month * 0.1 * 0.0000166667)
    assert usd(found, "API", price="waf") == pytest.approx(5 + 4 * 1 + month * 0.6e-6)
    # Written in a transaction (twice), 2 KB each, and once into each of two indexes; profiles of 3 KB.
    written = month * (2 * (2 + 2) + 2 * 2 * 3) * 0.625e-6
    assert usd(found, "Tables", price="dynamodb-write") == pytest.approx(written)
    traced = (86_400 + 0.05 * (1_000_000 - 86_400)) * 730 / 24
    assert usd(found, "API", price="xray") == pytest.approx(traced * 5e-6)


def test_decisions_are_kept_in_the_table_and_both_indexes(prod: Assembly) -> None:
    found = costs(prod, Usage(transactions_per_day=100_000, profiles=0))
    kept = 100_000 * 400 * 1.5 * 3 / 1024 / 1024
    assert usd(found, "Tables", price="dynamodb-storage") == pytest.approx(kept * 0.25)


def test_monitors_are_paid_by_their_schedules(prod: Assembly) -> None:
    """Hourly one job; three nightly ones of two machines; 8 minutes each at 0.23 an hour."""
    found = costs(prod)
    runs = 730 + 3 * 2 * 730 / 24
    assert usd(found, "Monitoring", price="ml.m5.xlarge") == pytest.approx(runs * 8 / 60 * 0.23)


def test_both_engines_are_paid_for(varied: Assembly, assemblies: dict[str, Assembly]) -> None:
    found, other = costs(varied, **VARIATION), costs(assemblies["staging"])
    assert usd(found, "Monitoring", kind="StateMachine", price="ml.m5.large") > 0
    assert usd(other, "Monitoring", kind="MonitoringSchedule", price="ml.m5.large") > 0
    # Two environments of a GB kept warm, on arm64.
    assert usd(found, "API", price="lambda-provisioned-arm64") == pytest.approx(2 * HOURS * 3600 * 0.0000033334)


def test_retraining_never_costs_more_than_the_guard_lets_it(prod: Assembly) -> None:
    """Two runs of 24 trials of 6 minutes and 3 jobs of 8 at 0.922 an hour; the budget is 200."""
    found = costs(prod)
    expected = 2 * (24 * 6 + 3 * 8) / 60 * 0.922
    assert usd(found, "Retraining", price="ml.m5.4xlarge") == pytest.approx(expected)
    machines = [item for item in found.items if item.price == "ml.m5.4xlarge"]
    assert sum(item.most for item in machines) == pytest.approx(200)


def test_alarms_and_keys(prod: Assembly) -> None:
    found = costs(prod, Usage(transactions_per_day=0))
    alarms = [r for r in load(prod.folder) if r.type == "AWS::CloudWatch::Alarm"]
    metrics = sum(len([m for m in r.properties.get("Metrics", []) if "MetricStat" in m]) or 1 for r in alarms)
    assert usd(found, "CloudWatch", kind="Alarm") == pytest.approx(0.10 * metrics)
    assert usd(found, "Keys") == pytest.approx(2.0)
    assert sum(i.most for i in found.items if i.group == "Keys") == pytest.approx(2 * 3.0)


def test_a_nat_gateway_would_be_noticed(prod: Assembly) -> None:
    gateway = Resource("network", "Nat", "AWS::EC2::NatGateway", {}, {"Resources": {}})
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"] | {"env": "prod"}
    found = estimate([gateway], Pricing(load_config(context), Usage()))
    assert found.usd == pytest.approx(0.045 * HOURS)


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("cron(0 * ? * * *)", 730),
        ("cron(0 4 ? * * *)", 730 / 24),
        ("cron(0 0/6 ? * * *)", 4 * 730 / 24),
        ("cron(0 3 ? * SUN *)", 730 / 24 / 7),
        ("cron(30 3 ? * MON-FRI *)", 5 * 730 / 24 / 7),
        ("cron(0 3,15 1 * ? *)", 2),
        ("rate(6 hours)", 730 / 6),
    ],
)
def test_schedules_are_counted(expression: str, runs: float) -> None:
    assert runs_a_month(expression) == pytest.approx(runs)


def test_every_price_says_where_it_is_from_and_when() -> None:
    for price in prices.services().values():
        assert price.usd > 0 and price.source.startswith("https://")
        assert date.fromisoformat(price.date) <= date.fromisoformat(prices.checked()[1])


def test_the_command_writes_all_three_forms(prod: Assembly, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "costs.html"
    options = ["--env", "prod", "--templates", str(prod.folder), "--transactions-per-day", "5000"]
    said = io.StringIO()
    assert estimate_cost.main([*options, "--json", "--out", str(page)], Console(file=said, width=200)) == 0
    document = json.loads(said.getvalue())
    found = costs(prod, Usage(transactions_per_day=5000))
    assert document["usdAMonth"] == round(found.usd, 2) and document["notPriced"] == []
    assert document["usage"]["transactions_per_day"] == 5000
    assert sum(group["usd"] for group in document["groups"].values()) == pytest.approx(found.usd, abs=0.1)
    text = page.read_text()
    assert f"{found.usd:,.0f} USD a month" in text and 'aria-label="USD a month by kind' in text
    assert "AWS::SageMaker::Model" in text and "https://aws.amazon.com/kms/pricing/" in text
    said = io.StringIO()
    assert estimate_cost.main(options, Console(file=said, width=200)) == 0
    assert f"{found.usd:,.2f}" in said.getvalue() and "free: AWS::ApiGateway::Account" in said.getvalue()
    assert estimate_cost.main(["--env", "prod", "--templates", str(tmp_path / "none")]) == 2
    assert "no templates" in capsys.readouterr().err


def test_environments_are_ordered_as_one_expects(assemblies: dict[str, Assembly]) -> None:
    dev, staging, prod = (costs(assemblies[name]) for name in ENVIRONMENTS)
    assert dev.usd < staging.usd < prod.usd
    assert next(name for name, *_ in show.groups(prod)) == "Endpoint"
