"""The analyst: rules, lists and cases; the API and the rules' commands are tried beside these calls."""

from tests.e2e.people.calls import (
    NOBODY,
    PROMOTE,
    READ_DATASET,
    READ_DECISION,
    READ_PREPARED,
    RETRAIN,
    Call,
    lists,
)
from tests.e2e.people.place import PREFIX

CAN = [
    *(
        Call("cloudformation", "describe_stacks", {"StackName": f"{PREFIX}-{stack}"})
        for stack in ("storage", "scoring")
    ),
    *lists(reports=("monitoring/", "monitoring-history/")),
    Call("s3", "get_object", {"Bucket": "{reports}", "Key": "monitoring/none"}, but="NoSuchKey"),
]
CANNOT = [
    *NOBODY,
    *(READ_DATASET, READ_PREPARED, READ_DECISION, RETRAIN, PROMOTE),
    Call("cloudformation", "describe_stacks", {"StackName": f"{PREFIX}-serving"}),
    Call("cloudformation", "get_template", {"StackName": f"{PREFIX}-scoring"}),
    Call("cloudwatch", "describe_alarms"),
    Call("s3", "get_object", {"Bucket": "{captures}", "Key": "data-capture/x"}),
    Call("s3", "get_object", {"Bucket": "{reports}", "Key": "batch/x"}),
    Call("dynamodb", "get_item", {"TableName": f"{PREFIX}-profiles", "Key": {"key": {"S": "x"}}}),
    Call("dynamodb", "delete_item", {"TableName": f"{PREFIX}-rules", "Key": {"name": {"S": "ruleset"}}}),
    Call("dynamodb", "delete_table", {"TableName": f"{PREFIX}-rules"}),
    Call("stepfunctions", "describe_execution", {"executionArn": "{execution}"}),
    Call("logs", "filter_log_events", {"logGroupName": f"/aws/lambda/{PREFIX}-scoring"}),
]
