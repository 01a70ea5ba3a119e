"""The REST API in front of the scoring function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.config import ScoringConfig
from stacks.constructs.acknowledgement import acknowledge

STAGE = "v1"
# TLS 1.2 and 1.3 with forward secrecy.
TLS = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
# Who asked what, and how it went. The path is logged as its pattern: what callers write into it is not known to be
# free of card numbers.
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "caller": "$context.identity.userArn",
    "ip": "$context.identity.sourceIp",
    "latency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "error": "$context.error.responseType",
    "traceId": "$context.xrayTraceId",
}


class ScoringApi(Construct):
    """Four routes, each signed (SigV4), validated and throttled; `models` are JSON Schemas (draft 4) by name.

    A route's body is checked against the model Transaction or Label where there is one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        handler: lambda_.IFunction,
        models: Mapping[str, Mapping[str, Any]],
        access_logs: logs.ILogGroup,
        settings: ScoringConfig,
        vpc_endpoint_id: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=name,
            description="Scores transactions, takes labels, shows decisions",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            deploy_options=_stage(access_logs, settings),
            default_integration=apigateway.LambdaIntegration(handler, allow_test_invoke=False),
            default_method_options=apigateway.MethodOptions(
                authorization_type=apigateway.AuthorizationType.IAM, api_key_required=settings.api_key
            ),
        )
        self.api.node.try_remove_child("Endpoint")
        resource = self.api.node.default_child
        resource.security_policy, resource.endpoint_access_mode = TLS, "STRICT"
        if vpc_endpoint_id:
            resource.endpoint_configuration = {"types": ["PRIVATE"], "vpcEndpointIds": [vpc_endpoint_id]}
            resource.policy = _by_endpoint_alone(vpc_endpoint_id)
        self._validator = self.api.add_request_validator(
            "Validator", validate_request_body=True, validate_request_parameters=True
        )
        self._models = {key: self._model(key, schema) for key, schema in models.items()}
        root = self.api.root
        decisions = root.add_resource("decisions")
        self._route(root.add_resource("transactions"), "POST", model="Transaction")
        self._route(root.add_resource("labels"), "POST", model="Label")
        # entity is required: decisions are never listed without one.
        self._route(decisions, "GET", query={"entity": True, "limit": False, "next": False})
        self._route(decisions.add_resource("{id}"), "GET")
        _explain(self.stage, settings)

    @property
    def stage(self) -> apigateway.Stage:
        """The stage that is deployed."""
        return self.api.deployment_stage

    @property
    def execution_logs(self) -> str:
        """Name of the log group that API Gateway writes to; it would make one itself, without a key, for ever."""
        return f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{STAGE}"

    def arn(self) -> str:
        """The stage's ARN, to which a policy adds `/<method>/<path>`."""
        return self.api.arn_for_execute_api("GET", "/", STAGE).removesuffix("/GET/")

    def _model(self, name: str, schema: Mapping[str, Any]) -> apigateway.IModel:
        model = apigateway.CfnModel(
            self,
            f"{name}Model",
            rest_api_id=self.api.rest_api_id,
            name=name,
            content_type="application/json",
            schema=dict(schema),
        )
        # A deployment is a snapshot: a changed model must make a new one.
        self.api.latest_deployment.add_to_logical_id({"model": name, "schema": dict(schema)})
        self.api.latest_deployment.node.add_dependency(model)
        return apigateway.Model.from_model_name(self, f"{name}Reference", model.ref)

    def _route(
        self, resource: apigateway.Resource, method: str, *, model: str = "", query: Mapping[str, bool] | None = None
    ) -> None:
        parameters = {f"method.request.querystring.{name}": required for name, required in (query or {}).items()}
        added = resource.add_method(
            method,
            request_models={"application/json": self._models[model]} if model in self._models else None,
            request_parameters=parameters or None,
            request_validator=self._validator,
        )
        reason = "Callers are services of the account and sign with IAM (SigV4); there are no user pools."
        acknowledge(added, "COG4", reason, packs="solutions")


def _by_endpoint_alone(vpc_endpoint_id: str) -> iam.PolicyDocument:
    """Refuse whatever did not come by the endpoint. It allows nothing: what callers may do stays their policies'."""
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                sid="ByTheEndpointAlone",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["execute-api:Invoke"],
                resources=["execute-api:/*"],
                conditions={"StringNotEquals": {"aws:SourceVpce": vpc_endpoint_id}},
            )
        ]
    )


def _stage(access_logs: logs.ILogGroup, settings: ScoringConfig) -> apigateway.StageOptions:
    return apigateway.StageOptions(
        stage_name=STAGE,
        access_log_destination=apigateway.LogGroupLogDestination(access_logs),
        access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
        throttling_rate_limit=settings.rate_limit,
        throttling_burst_limit=settings.burst_limit,
        tracing_enabled=settings.tracing,
        # Of requests that fail, and without what they and the function say. What validation finds is among it: the
        # models (stacks/request_models.py) are such that it quotes no caller.
        logging_level=apigateway.MethodLoggingLevel.ERROR,
        data_trace_enabled=False,
    )


def _explain(stage: apigateway.Stage, settings: ScoringConfig) -> None:
    if not settings.tracing:
        untraced = "The configuration turned tracing off."
        acknowledge(stage, "APIGWXrayEnabled", untraced, packs="nist hipaa serverless")
    signed = (
        "API Gateway refuses what is not signed by an identity of the account that was given the route, before "
        "anything else looks at it: there is no anonymous traffic for a firewall to sort."
    )
    if not settings.firewall.enabled:
        acknowledge(stage, "APIG3", signed, packs="solutions")
        acknowledge(stage, "APIGWAssociatedWithWAF", signed, packs="nist pci")
    uncached = "A decision is made once, of state that the next one changes: an answer from a cache would be wrong."
    acknowledge(stage, "APIGWCacheEnabledAndEncrypted", uncached, packs="nist pci hipaa")
    lambda_behind = "Client certificates prove API Gateway to HTTP backends. Behind this stage is a Lambda function."
    acknowledge(stage, "APIGWSSLEnabled", lambda_behind, packs="nist pci hipaa")
