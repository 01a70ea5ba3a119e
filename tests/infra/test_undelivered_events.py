"""What EventBridge cannot deliver: kept under a key, told to people, and sent by the deployment's rules alone."""

from __future__ import annotations

from typing import Any

from tests.infra.conftest import CONCERNS, Assembly, text
from tests.infra.test_identity import many

STACKS = ("training", "monitoring", "retraining-loop")
HERE = "us-east-1:${AWS::AccountId}"


def rules(assembly: Assembly) -> dict[str, list[dict[str, Any]]]:
    """Targets of each rule by its ARN, in whatever stack."""
    found = {}
    for concern in CONCERNS:
        if (assembly.folder / f"fraudstack-{assembly.environment}-{concern}.template.json").exists():
            for rule in assembly.resources(concern, "AWS::Events::Rule").values():
                name = rule["Properties"]["Name"]
                found[f"arn:${{AWS::Partition}}:events:{HERE}:rule/{name}"] = rule["Properties"]["Targets"]
    return found


def policy(assembly: Assembly) -> list[dict[str, Any]]:
    return assembly.one("training", "AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]


def test_exactly_the_rules_of_the_deployment_send_to_the_queue(
    assembly: Assembly, varied: Assembly, unscored: Assembly
) -> None:
    for deployed in (assembly, varied, unscored):
        (allow,) = [statement for statement in policy(deployed) if statement["Effect"] == "Allow"]
        assert allow["Principal"] == {"Service": "events.amazonaws.com"} and allow["Action"] == "sqs:SendMessage"
        senders = many(allow["Condition"]["ArnEquals"]["aws:SourceArn"])
        assert set(map(text, senders)) == set(rules(deployed)) != set()
        queue = f"arn:${{AWS::Partition}}:sqs:{HERE}:fraudstack-{deployed.environment}-undelivered"
        for rule, targets in rules(deployed).items():
            assert [text(target["DeadLetterConfig"]["Arn"]) for target in targets] == [queue], rule


def test_the_queue_keeps_two_weeks_under_the_operations_key_and_over_tls(assembly: Assembly) -> None:
    queue = assembly.one("training", "AWS::SQS::Queue")
    assert queue["QueueName"] == f"fraudstack-{assembly.environment}-undelivered"
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert text(queue["KmsMasterKeyId"]) == f"${{import:fraudstack-{assembly.environment}-operations-key-arn}}"
    denied = [statement["Condition"] for statement in policy(assembly) if statement["Effect"] == "Deny"]
    assert denied == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_people_are_told_of_the_first_message(assembly: Assembly) -> None:
    alarms = assembly.resources("training", "AWS::CloudWatch::Alarm").values()
    (alarm,) = [found["Properties"] for found in alarms if found["Properties"].get("Namespace") == "AWS/SQS"]
    (queue,) = assembly.resources("training", "AWS::SQS::Queue")
    (topic,) = assembly.resources("training", "AWS::SNS::Topic")
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == (
        *("ApproximateNumberOfMessagesVisible", "Maximum"),
        1,
    )
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold" and alarm["EvaluationPeriods"] == 1
    assert text(alarm["Dimensions"][0]["Value"]) == f"${{{queue}.QueueName}}"
    assert alarm["AlarmActions"] == [{"Ref": topic}]
