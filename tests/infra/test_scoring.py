"""The API and its function: who may call, what is refused before the function, and what never reaches a log."""

from __future__ import annotations

import json
import re
from typing import Any

from fraud import event_types
from scripts.build_functions import PYTHON_VERSION
from stacks.constructs.problem_responses import PROBLEMS
from stacks.request_models import request_models
from tests.infra.conftest import CONCERNS, VARIATION, Assembly, text
from tests.infra.test_identity import actions_of, many, statements

ROUTES = {("POST", "transactions"), ("POST", "labels"), ("GET", "decisions"), ("GET", "decisions/{id}")}


def function(assembly: Assembly) -> dict[str, Any]:
    return assembly.one("scoring", "AWS::Lambda::Function")


def methods(assembly: Assembly) -> dict[tuple[str, str], dict[str, Any]]:
    """Properties of each method by (verb, path)."""
    resources = assembly.resources("scoring", "AWS::ApiGateway::Resource")

    def path(logical_id: str) -> str:
        properties = resources[logical_id]["Properties"]
        parent = properties["ParentId"].get("Ref")
        return "/".join([*([path(parent)] if parent else []), properties["PathPart"]])

    found = assembly.resources("scoring", "AWS::ApiGateway::Method").values()
    return {(m["Properties"]["HttpMethod"], path(m["Properties"]["ResourceId"]["Ref"])): m["Properties"] for m in found}


def rounded(value: Any) -> Any:
    """`value` with integers as the CDK writes them: they pass through JavaScript."""
    return json.loads(json.dumps(value), parse_int=float)


def test_every_route_is_signed_validated_and_answered_by_the_alias(assembly: Assembly) -> None:
    found = methods(assembly)
    assert set(found) == ROUTES
    (alias,) = assembly.resources("scoring", "AWS::Lambda::Alias")
    (validator,) = assembly.resources("scoring", "AWS::ApiGateway::RequestValidator")
    for route, method in found.items():
        assert method["AuthorizationType"] == "AWS_IAM", route
        assert method["ApiKeyRequired"] is False
        assert method["RequestValidatorId"] == {"Ref": validator}
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert f"${{{alias}}}" in text(method["Integration"]["Uri"])
    checks = assembly.one("scoring", "AWS::ApiGateway::RequestValidator")
    assert checks["ValidateRequestBody"] is True and checks["ValidateRequestParameters"] is True


def test_bodies_are_checked_against_the_event_type(assembly: Assembly, varied: Assembly) -> None:
    for deployed, name in ((assembly, "card-transactions"), (varied, "ulb")):
        models = {
            model["Properties"]["Name"]: (key, model["Properties"]["Schema"])
            for key, model in deployed.resources("scoring", "AWS::ApiGateway::Model").items()
        }
        wanted = request_models(event_types.load(name))
        assert rounded({key: schema for key, (_, schema) in models.items()}) == rounded(wanted)
        for schema in wanted.values():
            # API Gateway knows draft 4 alone.
            assert schema["$schema"] == "http://json-schema.org/draft-04/schema#"
        for route, model in ((("POST", "transactions"), "Transaction"), (("POST", "labels"), "Label")):
            assert methods(deployed)[route]["RequestModels"] == {"application/json": {"Ref": models[model][0]}}


def test_decisions_are_never_listed_without_an_entity(assembly: Assembly) -> None:
    parameters = methods(assembly)["GET", "decisions"]["RequestParameters"]
    assert parameters == {
        "method.request.querystring.entity": True,
        "method.request.querystring.limit": False,
        "method.request.querystring.next": False,
    }


def test_api_is_regional_and_refuses_old_tls(assembly: Assembly) -> None:
    api = assembly.one("scoring", "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2_") and api["EndpointAccessMode"] == "STRICT"


def test_stage_is_throttled_traced_and_logs_no_payload(assembly: Assembly) -> None:
    stage = assembly.one("scoring", "AWS::ApiGateway::Stage")
    (settings,) = stage["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (500, 1000)
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert settings["DataTraceEnabled"] is False and settings["LoggingLevel"] == "ERROR"
    assert stage["TracingEnabled"] is True
    line = json.loads(stage["AccessLogSetting"]["Format"])
    # Paths, query strings and validation errors repeat what the caller wrote.
    for value in line.values():
        assert value not in ("$context.path", "$context.error.validationErrorString", "$context.error.message")
    assert line["resource"] == "$context.resourcePath"


def test_validation_finds_nothing_that_quotes_a_caller(assembly: Assembly, varied: Assembly) -> None:
    """API Gateway logs its findings: of a pattern, a bound or an unknown field they repeat what was sent."""
    for deployed in (assembly, varied):
        for model in deployed.resources("scoring", "AWS::ApiGateway::Model").values():
            assert model["Properties"]["Schema"].keys() == {"$schema", "title", "type", "required"}


def test_execution_logs_are_there_before_the_stage_and_mask_what_could_be_a_card_number(assembly: Assembly) -> None:
    groups = assembly.resources("scoring", "AWS::Logs::LogGroup")
    (name,) = [key for key, group in groups.items() if "Execution" in text(group["Properties"]["LogGroupName"])]
    (api,) = assembly.resources("scoring", "AWS::ApiGateway::RestApi")
    (stage,) = assembly.resources("scoring", "AWS::ApiGateway::Stage").values()
    group = groups[name]["Properties"]
    assert text(group["LogGroupName"]) == f"API-Gateway-Execution-Logs_${{{api}}}/{stage['Properties']['StageName']}"
    assert name in stage["DependsOn"]
    policy = group["DataProtectionPolicy"]
    (pattern,) = [identifier["Regex"] for identifier in policy["Configuration"]["CustomDataIdentifier"]]
    assert re.search(pattern, "resource: GET/decisions/4111111111111111") and not re.search(pattern, "123456789012")
    assert any("Deidentify" in statement["Operation"] for statement in policy["Statement"])
    for concern in CONCERNS:
        assert "logs:Unmask" not in json.dumps(assembly.template(concern)), concern


def test_logs_are_under_the_operations_key(assembly: Assembly) -> None:
    groups = assembly.resources("scoring", "AWS::Logs::LogGroup").values()
    name = f"fraudstack-{assembly.environment}-scoring"
    found = {text(group["Properties"]["LogGroupName"]): text(group["Properties"]["KmsKeyId"]) for group in groups}
    (api,) = assembly.resources("scoring", "AWS::ApiGateway::RestApi")
    key = f"${{import:fraudstack-{assembly.environment}-operations-key-arn}}"
    assert found == {
        f"/aws/lambda/{name}": key,
        f"/aws/apigateway/{name}": key,
        f"API-Gateway-Execution-Logs_${{{api}}}/v1": key,
        f"aws-waf-logs-{name}": key,
    }


def test_gateway_answers_problems(assembly: Assembly) -> None:
    responses = [r["Properties"] for r in assembly.resources("scoring", "AWS::ApiGateway::GatewayResponse").values()]
    assert {response["ResponseType"] for response in responses} == {kind for kind, _, _ in PROBLEMS}
    for response in responses:
        header = response["ResponseParameters"]["gatewayresponse.header.Content-Type"]
        assert header == "'application/problem+json'"
        # API Gateway puts JSON text, with its quotes, in the variable's place.
        template = response["ResponseTemplates"]["application/json"]
        body = json.loads(template.replace("$context.error.messageString", '"x"'))
        assert body["detail"] == "x" and body["title"] and body["type"] == "about:blank"
        explained = body.get("errors") == [{"field": "", "message": "$context.error.validationErrorString"}]
        assert explained == (response["ResponseType"] == "BAD_REQUEST_BODY")
        if not response["ResponseType"].startswith("DEFAULT"):
            assert str(body["status"]) == response["StatusCode"]


def test_a_deployment_is_a_snapshot_of_all_that_it_holds(assembly: Assembly, varied: Assembly) -> None:
    kinds = ("Method", "Model", "GatewayResponse", "RequestValidator")
    (deployment,) = assembly.resources("scoring", "AWS::ApiGateway::Deployment").values()
    parts = {key for kind in kinds for key in assembly.resources("scoring", f"AWS::ApiGateway::{kind}")}
    assert parts <= set(deployment["DependsOn"])
    # Another event type has other models, and so needs another deployment.
    assert set(assembly.resources("scoring", "AWS::ApiGateway::Deployment")) != set(
        varied.resources("scoring", "AWS::ApiGateway::Deployment")
    )


def test_function_has_its_settings_and_its_environment_is_encrypted(assembly: Assembly) -> None:
    properties = function(assembly)
    prefix = f"fraudstack-{assembly.environment}"
    assert properties["Runtime"] == f"python{PYTHON_VERSION}" and properties["Architectures"] == ["x86_64"]
    assert properties["Handler"] == "inference_code.scoring.app.handler"
    assert (properties["MemorySize"], properties["Timeout"]) == (1024, 10)
    assert properties["LoggingConfig"]["LogFormat"] == "JSON"
    assert text(properties["KmsKeyArn"]) == f"${{import:{prefix}-data-key-arn}}"
    assert text(properties["Role"]).endswith(f":role/{prefix}-scoring-us-east-1")
    assert properties["TracingConfig"] == {"Mode": "Active"}
    variables = properties["Environment"]["Variables"]
    assert {name: variables[name] for name in ("PROFILES_TABLE", "DECISIONS_TABLE", "RULES_TABLE")} == {
        f"{purpose.upper()}_TABLE": f"{prefix}-{purpose}" for purpose in ("profiles", "decisions", "rules")
    }
    assert variables["ENDPOINT_NAME"] == prefix
    assert int(variables["ENDPOINT_TIMEOUT_MS"]) < properties["Timeout"] * 1000
    assert variables["POWERTOOLS_LOGGER_LOG_EVENT"] == "false"


def test_versions_stay_for_the_alias_to_go_back_to(assembly: Assembly) -> None:
    (version,) = assembly.resources("scoring", "AWS::Lambda::Version").values()
    assert version["DeletionPolicy"] == "Retain"
    assert assembly.one("scoring", "AWS::Lambda::Alias")["Name"] == "live"


def test_only_the_api_may_call_the_function_each_route_for_itself(assembly: Assembly) -> None:
    (alias,) = assembly.resources("scoring", "AWS::Lambda::Alias")
    (stage,) = assembly.resources("scoring", "AWS::ApiGateway::Stage")
    sources = set()
    for permission in assembly.resources("scoring", "AWS::Lambda::Permission").values():
        properties = permission["Properties"]
        assert properties["Principal"] == "apigateway.amazonaws.com"
        assert properties["FunctionName"] == {"Ref": alias}
        sources.add(text(properties["SourceArn"]).split(f"/${{{stage}}}/")[1])
    assert sources == {f"{verb}/{path.replace('{id}', '*')}" for verb, path in ROUTES}


def test_callers_are_given_their_routes_and_no_more(assembly: Assembly) -> None:
    found = {}
    for name, policy in assembly.resources("scoring", "AWS::IAM::ManagedPolicy").items():
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        if name.startswith(("FunctionLogs", "AnalystsLook", "ExecutionLogs")):
            continue
        assert statement["Action"] == "execute-api:Invoke"
        found[name.split("Policy")[0]] = {text(arn).split("/v1/")[1] for arn in many(statement["Resource"])}
    assert found == {
        "Payments": {"POST/transactions"},
        "Analysts": {"POST/labels", "GET/decisions", "GET/decisions/*"},
    }


def test_function_may_do_what_a_decision_needs_and_no_more(assembly: Assembly) -> None:
    # What Lambda does for the function in the network, its code may not (test_network.py).
    assert {action for action in actions_of(assembly, "scoring") if not action.startswith("ec2:")} == {
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"),
        "sagemaker:InvokeEndpoint",
        *("kms:Decrypt", "kms:GenerateDataKey"),
        *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    }
    prefix = f"fraudstack-{assembly.environment}"
    writable, queried = set(), set()
    for name, statement in statements(assembly):
        if not name.startswith("ScoringRole"):
            continue
        resources = set(map(text, many(statement["Resource"])))
        if "dynamodb:PutItem" in many(statement["Action"]):
            writable |= {resource.split(":table/")[1] for resource in resources}
        elif "dynamodb:Query" in many(statement["Action"]):
            queried |= {resource.split(":table/")[1] for resource in resources}
        if "sagemaker:InvokeEndpoint" in many(statement["Action"]):
            assert [resource.split(":")[-1] for resource in resources] == [f"endpoint/{prefix}"]
    assert writable == {f"{prefix}-profiles", f"{prefix}-decisions"}
    indexes = {f"{prefix}-decisions/index/by-{entity}" for entity in ("customer", "terminal")}
    assert queried == indexes


def test_access_logs_wait_for_the_account_to_have_a_role_for_them(assembly: Assembly) -> None:
    ((name, account),) = assembly.resources("scoring", "AWS::ApiGateway::Account").items()
    (stage,) = assembly.resources("scoring", "AWS::ApiGateway::Stage").values()
    assert name in stage["DependsOn"]
    assert account["DeletionPolicy"] == "Retain", "other APIs of the account rely on the setting"
    role = text(account["Properties"]["CloudWatchRoleArn"])
    assert role.endswith(f":role/fraudstack-{assembly.environment}-gateway-us-east-1")


def test_alarms_watch_what_hurts(assembly: Assembly) -> None:
    alarms = [a["Properties"] for a in assembly.resources("scoring", "AWS::CloudWatch::Alarm").values()]
    name = f"fraudstack-{assembly.environment}-scoring"
    dimensions = {
        "fraudstack": {"service": name},
        "AWS/ApiGateway": {"ApiName": name, "Stage": "v1"},
        "AWS/Lambda": {"FunctionName": name},
    }
    found = {}
    for alarm in alarms:
        assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == dimensions[alarm["Namespace"]]
        found[alarm["AlarmName"].removeprefix(f"{name}-")] = alarm["MetricName"]
    assert found == {
        "degraded": "DegradedDecisions",
        "conflicts": "ConflictingTransactions",
        "errors-5xx": "5XXError",
        "latency": "Latency",
        "throttles": "Throttles",
    }
    # What the function is told to call itself is what the alarms look for.
    variables = function(assembly)["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == name
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "fraudstack"


def test_dashboard_shows_the_api(assembly: Assembly, unscored: Assembly) -> None:
    for deployed, shown in ((assembly, True), (unscored, False)):
        body = text(deployed.one("monitoring", "AWS::CloudWatch::Dashboard")["DashboardBody"])
        assert ("DegradedDecisions" in body) == shown


def test_what_can_be_chosen(varied: Assembly) -> None:
    chosen = VARIATION["scoring"]
    assert all(method["ApiKeyRequired"] for method in methods(varied).values())
    plan = varied.one("scoring", "AWS::ApiGateway::UsagePlan")
    assert plan["Quota"] == {"Limit": chosen["quota_per_day"], "Period": "DAY"}
    (key,) = varied.resources("scoring", "AWS::ApiGateway::ApiKey")
    assert varied.one("scoring", "AWS::ApiGateway::UsagePlanKey")["KeyId"] == {"Ref": key}
    assert function(varied)["ReservedConcurrentExecutions"] == chosen["reserved_concurrency"]
    assert function(varied)["Architectures"] == ["arm64"]
    alias = varied.one("scoring", "AWS::Lambda::Alias")
    provisioned = alias["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"]
    assert provisioned == chosen["provisioned_concurrency"]
    assert not varied.one("scoring", "AWS::ApiGateway::Stage").get("TracingEnabled")
    assert "TracingConfig" not in function(varied)
    assert varied.resources("scoring", "AWS::ApiGateway::Account") == {}
    assert "GatewayRole" not in "".join(varied.resources("identity", "AWS::IAM::Role"))
    assert not {action for action in actions_of(varied, "scoring") if action.startswith("xray:")}


def test_without_a_key_there_is_a_plan_to_add_keys_to(assembly: Assembly) -> None:
    assert assembly.resources("scoring", "AWS::ApiGateway::ApiKey") == {}
    plan = assembly.one("scoring", "AWS::ApiGateway::UsagePlan")
    assert plan["Throttle"] == {"RateLimit": 500, "BurstLimit": 1000} and "Quota" not in plan


def test_without_scoring_nothing_of_it_is_there(unscored: Assembly) -> None:
    assert not (unscored.folder / "fraudstack-staging-scoring.template.json").exists()
    assert unscored.resources("storage", "AWS::DynamoDB::Table") == {}
    roles = unscored.resources("identity", "AWS::IAM::Role")
    assert not [name for name in roles if name.startswith(("Scoring", "Gateway"))]
    manifest = json.loads((unscored.folder / "manifest.json").read_text())
    before = manifest["artifacts"]["fraudstack-staging-monitoring"]["dependencies"]
    assert "fraudstack-staging-serving" in before


def test_what_is_acknowledged_has_a_reason(assembly: Assembly) -> None:
    path = assembly.folder / f"fraudstack-{assembly.environment}-scoring.metadata.json"
    reasons = {}
    for entries in json.loads(path.read_text()).values():
        for entry in entries:
            if entry["type"] == "aws:cdk:acknowledged-rules":
                reasons |= {key.removeprefix("Annotation::"): reason for key, reason in entry["data"].items()}
    assert len(reasons["AwsSolutions-COG4"]) > 40
