"""A challenger that answers payments of the loop's platform: `serving.challenger.mode: ab`, from start to promotion."""

import json
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from scripts.cdk import run_cdk
from scripts.demo.monitor import Verdict
from tests.e2e.monitors import monitored, now
from tests.e2e.payments import Payment
from tests.e2e.privileges import read_run
from tests.local_cloud.stacks import edit_template

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class AbTest:
    """A challenger beside the champion, both by their package's ARN, and what both decided and were judged by."""

    champion: str
    challenger: str
    shares: tuple[dict[str, float], dict[str, float]]
    through_deploy: list[Payment]
    posted: list[Payment]
    verdict: Verdict
    compared: subprocess.CompletedProcess[str]
    comparison: dict[str, Any]


@pytest.fixture(scope="module")
def ab_test(loop, payments, tmp_path_factory) -> AbTest:
    """The model of before against the one that the loop promoted; a deployment in between gives it fewer payments."""
    folder = tmp_path_factory.mktemp("ab")
    champion = loop.outputs("serving")["ModelPackageArn"]
    done = loop.run("scripts.promote", "start", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    before = shares(loop)
    assembly, lines = shutil.copytree(loop.folder / "cdk.out", folder / "cdk.out"), []
    edit_template(assembly, "fraudstack-dev-serving", fewer_for_the_challenger)
    deploy = ["deploy", "fraudstack-dev-serving", "--exclusively", "--require-approval", "never"]
    with payments.flowing() as through_deploy:
        code = run_cdk([*deploy, "--app", str(assembly)], loop.endpoint_url, on_line=lines.append)
    assert code == 0, "\n".join(lines)
    began, posted = now(), payments.post(200)
    payments.report(posted, {payment.id for payment in posted if payment.payload.is_fraud})
    with ThreadPoolExecutor(2) as pool:
        comparing = pool.submit(loop.run, "scripts.promote", "compare", "--out", folder / "c.html", "--samples", 200)
        verdict, compared = monitored(loop, "model-quality", began), comparing.result()
    return AbTest(
        champion=champion,
        challenger=champion.rsplit("/", 1)[0] + "/1",
        shares=(before, shares(loop)),
        through_deploy=through_deploy,
        posted=posted,
        verdict=verdict,
        compared=compared,
        comparison=json.loads((folder / "c.json").read_text()),
    )


def test_an_ab_test_shares_out_payments_and_each_decision_says_whose_it_is(loop, ab_test):
    versions = [answers_as(loop, package) for package in (ab_test.champion, ab_test.challenger)]
    found = Counter(payment.decision["model"]["version"] for payment in ab_test.posted)
    assert found.keys() == set(versions)
    # A quarter, give or take six standard deviations of what chance does to 200.
    assert 0.06 < found[versions[1]] / len(ab_test.posted) < 0.44


def test_a_deployment_in_an_ab_test_changes_its_shares_and_neither_model(loop, ab_test):
    assert ab_test.shares == ({"primary": 60, "challenger": 40}, {"primary": 75, "challenger": 25})
    outputs = loop.outputs("serving")
    assert (outputs["ModelPackageArn"], outputs["ChallengerModelPackageArn"]) == (ab_test.champion, ab_test.challenger)
    assert ab_test.through_deploy and not [one for one in ab_test.through_deploy if one.decision["degraded"]]
    assert scaled(loop) == {"primary", "challenger"}


def test_labels_judge_both_models_of_an_ab_test_each_by_its_own_payments(loop, ab_test):
    assert ab_test.compared.returncode == 0, ab_test.compared.stdout + ab_test.compared.stderr
    assert "Verdict:" in ab_test.compared.stdout
    bucket, _, folder = ab_test.verdict.folder.removeprefix("s3://").partition("/")
    document = loop.json(bucket, f"{folder}/comparison.json")
    for found in (ab_test.comparison, document):
        assert (found["mode"], found["design"]) == ("ab", "unpaired")
        for name in ("average_precision", "recall", "saved_per_1000"):
            for side in found["metrics"][name].values():
                assert not isinstance(side, dict) or side["low"] <= side["value"] <= side["high"]
    version = answers_as(loop, ab_test.challenger)
    theirs = sum(payment.decision["model"]["version"] == version for payment in ab_test.posted)
    ours, compared = len(ab_test.posted) - theirs, document["transactions"]
    assert compared["challenger"]["rows"] == theirs and ab_test.verdict.statistics["dataset"]["item_count"] == ours
    # Of the champion's those between the challenger's first and last.
    assert 0.6 * ours < compared["champion"]["rows"] <= ours
    page = loop.client("s3").get_object(Bucket=bucket, Key=f"{folder}/report.html")["Body"].read().decode()
    assert 'id="comparison"' in page
    metric = {"Endpoint": "fraudstack-dev", "MonitoringSchedule": "fraudstack-dev-model-quality"}
    metric["VariantName"] = "challenger"
    beside = loop.client("cloudwatch").get_metric_statistics(
        Namespace="aws/sagemaker/Endpoints/model-metrics",
        MetricName="recall",
        Dimensions=[{"Name": name, "Value": value} for name, value in metric.items()],
        StartTime=now() - timedelta(hours=2),
        EndTime=now() + timedelta(hours=1),
        Period=3600,
        Statistics=["Minimum"],
    )["Datapoints"]
    assert [point["Minimum"] for point in beside] == [document["metrics"]["recall"]["challenger"]["value"]]


def test_a_challenger_is_withdrawn_and_promoted_without_a_failed_payment(loop, payments, ab_test):
    with payments.flowing() as answered:
        for words, champion in (
            (("withdraw",), ab_test.champion),
            (("start", "1"), ab_test.champion),
            (("promote",), ab_test.challenger),
        ):
            done = loop.run("scripts.promote", *words)
            assert done.returncode == 0, done.stdout + done.stderr
            assert loop.outputs("serving")["ModelPackageArn"] == champion
            assert shares(loop).keys() == ({"primary", "challenger"} if "start" in words else {"primary"})
    assert answered and not [one for one in answered if one.decision["degraded"]]
    assert loop.outputs("monitoring")["ModelPackageArn"] == ab_test.challenger
    assert scaled(loop) == {"primary"}
    assert not [one for one in read_run(loop.state / "authorizations.jsonl", "fraudstack-dev-") if not one.allowed]
    # A promotion is no run: it begins no cooldown.
    status = loop.run("scripts.guard", "status").stdout
    assert "runs in seven days  3 of 10" in status, status


def answers_as(loop, package: str) -> str:
    """The version that a package's answers bear."""
    found = loop.client("sagemaker").describe_model_package(ModelPackageName=package)
    return found["CustomerMetadataProperties"]["modelVersion"]


def shares(loop) -> dict[str, float]:
    """Weights of the endpoint's variants."""
    endpoint = loop.client("sagemaker").describe_endpoint(EndpointName="fraudstack-dev")
    return {variant["VariantName"]: variant["CurrentWeight"] for variant in endpoint["ProductionVariants"]}


def scaled(loop) -> set[str]:
    """The variants that are scaled automatically."""
    found = loop.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    return {target["ResourceId"].rsplit("/", 1)[1] for target in found["ScalableTargets"]}


def fewer_for_the_challenger(template: dict[str, Any]) -> None:
    """What `serving.challenger.traffic_percent: 25` makes of the template."""
    (config,) = [one for one in template["Resources"].values() if one["Type"] == "AWS::SageMaker::EndpointConfig"]
    champion, challenger = config["Properties"]["ProductionVariants"]
    champion["InitialVariantWeight"], challenger["Fn::If"][1]["InitialVariantWeight"] = 75, 25
