"""The firewall before the API: what it refuses, and that its log holds what it refused, without what callers wrote."""

from __future__ import annotations

import json
from typing import Any

from tests.infra.conftest import Assembly, text

HEADERS = {"authorization", "cookie", "referer", "user-agent", "x-api-key", "x-amz-security-token"}


def rules(assembly: Assembly) -> dict[str, dict[str, Any]]:
    acl = assembly.one("scoring", "AWS::WAFv2::WebACL")
    return {rule["Name"]: rule for rule in sorted(acl["Rules"], key=lambda rule: rule["Priority"])}


def test_acl_stands_before_the_stage(assembly: Assembly) -> None:
    (acl,) = assembly.resources("scoring", "AWS::WAFv2::WebACL")
    (stage,) = assembly.resources("scoring", "AWS::ApiGateway::Stage")
    association = assembly.one("scoring", "AWS::WAFv2::WebACLAssociation")
    assert association["WebACLArn"] == {"Fn::GetAtt": [acl, "Arn"]}
    assert text(association["ResourceArn"]).endswith(f"/stages/${{{stage}}}")


def test_each_client_is_limited_and_told_so(assembly: Assembly) -> None:
    rule = next(iter(rules(assembly).values()))
    rate = rule["Statement"]["RateBasedStatement"]
    assert rate == {"AggregateKeyType": "IP", "EvaluationWindowSec": 60, "Limit": 500 * 60}
    response = rule["Action"]["Block"]["CustomResponse"]
    assert response["ResponseCode"] == 429
    bodies = assembly.one("scoring", "AWS::WAFv2::WebACL")["CustomResponseBodies"]
    assert json.loads(bodies[response["CustomResponseBodyKey"]]["Content"])["status"] == 429


def test_aws_rules_block_and_one_that_programs_fall_foul_of_counts(assembly: Assembly) -> None:
    groups = [rule for rule in rules(assembly).values() if "ManagedRuleGroupStatement" in rule["Statement"]]
    assert {rule["Name"] for rule in groups} == {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    }
    for rule in groups:
        assert rule["OverrideAction"] == {"None": {}}
        counted = rule["Statement"]["ManagedRuleGroupStatement"].get("RuleActionOverrides", [])
        assert [one["Name"] for one in counted] in ([], ["NoUserAgent_HEADER"])


def test_log_and_samples_hold_nothing_that_callers_wrote(assembly: Assembly) -> None:
    logging = assembly.one("scoring", "AWS::WAFv2::LoggingConfiguration")
    fields = logging["RedactedFields"]
    assert {"UriPath": {}} in fields and {"QueryString": {}} in fields
    assert {field["SingleHeader"]["Name"] for field in fields if "SingleHeader" in field} == HEADERS
    # Of requests that pass, there is the access log of the API.
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    (kept,) = logging["LoggingFilter"]["Filters"]
    assert {"ActionCondition": {"Action": "ALLOW"}} not in kept["Conditions"] and kept["Behavior"] == "KEEP"
    acl = assembly.one("scoring", "AWS::WAFv2::WebACL")
    hidden = {
        (one["Field"]["FieldType"], *one["Field"].get("FieldKeys", [])): one
        for one in acl["DataProtectionConfig"]["DataProtections"]
    }
    assert set(hidden) == {("BODY",), ("QUERY_STRING",), *(("SINGLE_HEADER", header) for header in HEADERS)}
    assert all(one["Action"] == "SUBSTITUTION" and not one["ExcludeRuleMatchDetails"] for one in hidden.values())
    for rule in (acl, *acl["Rules"]):
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False


def test_private_api_refuses_whoever_does_not_come_by_the_endpoint(varied: Assembly) -> None:
    api = varied.one("scoring", "AWS::ApiGateway::RestApi")
    endpoint = {"Fn::ImportValue": "fraudstack-staging-api-endpoint-id"}
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": [endpoint]}
    (statement,) = api["Policy"]["Statement"]
    # An allowance would let everybody of the account call every route.
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"StringNotEquals": {"aws:SourceVpce": endpoint}}
    services = [e["Properties"]["ServiceName"] for e in varied.resources("network", "AWS::EC2::VPCEndpoint").values()]
    assert "com.amazonaws.us-east-1.execute-api" in map(text, services)
