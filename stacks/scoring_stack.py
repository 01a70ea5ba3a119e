"""Scoring: the API that decides on transactions, and the function behind it."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.api_firewall import ApiFirewall
from stacks.constructs.api_usage import ApiUsage
from stacks.constructs.encrypted_log_group import EncryptedLogGroup
from stacks.constructs.gateway_logging import GatewayLogging
from stacks.constructs.problem_responses import ProblemResponses
from stacks.constructs.scoped_role import ScopedPolicy
from stacks.constructs.scoring_alarms import ScoringAlarms, ScoringMetrics
from stacks.constructs.scoring_api import STAGE, ScoringApi
from stacks.constructs.scoring_function import ScoringFunction
from stacks.constructs.stack_access import StackLook
from stacks.identity import scoring as identity
from stacks.identity.common import read_groups, write_group
from stacks.identity.personas import FOLLOWERS
from stacks.names import Names
from stacks.network.placement import Placement
from stacks.properties import removal_policy, stack_properties
from stacks.request_models import request_models


class ScoringStack(Stack):
    """API Gateway in front of one function; its tables are in the storage stack, its role in the identity stack."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names, package: Path) -> None:
        super().__init__(scope, names.stack("scoring"), **stack_properties(config, names, "scoring"))
        removal = removal_policy(config)
        operations_key = kms.Key.from_key_arn(self, "OperationsKey", names.key_arn("operations"))
        function = ScoringFunction(
            self,
            "Scoring",
            name=names.scoring,
            package=package,
            settings=config.scoring,
            environment=function_environment(config, names),
            role=iam.Role.from_role_arn(self, "Role", names.role_arn("scoring"), mutable=False),
            data_key=kms.Key.from_key_arn(self, "DataKey", names.key_arn("data")),
            log_key=operations_key,
            log_days=config.storage.log_days,
            removal_policy=removal,
            placement=Placement.of(config, names),
        )
        ScopedPolicy(
            self,
            "FunctionLogsPolicy",
            description="Writes the scoring function's log",
            grants=[write_group(function.logs.log_group_arn)],
            path=names.path,
            roles=[names.role("scoring")],
        )
        gateway = ScoringApi(
            self,
            "Gateway",
            name=names.scoring,
            handler=function.alias,
            models=request_models(config.load_event_type()),
            access_logs=EncryptedLogGroup(
                self,
                "AccessLogs",
                name=f"/aws/apigateway/{names.scoring}",
                key=operations_key,
                days=config.storage.log_days,
                removal_policy=removal,
            ),
            settings=config.scoring,
            vpc_endpoint_id=Placement.api_endpoint(config, names),
        )
        executions = EncryptedLogGroup(
            self,
            "ExecutionLogs",
            name=gateway.execution_logs,
            key=operations_key,
            days=config.storage.log_days,
            removal_policy=removal,
            masked=True,
        )
        # Before the stage writes, and gone after it.
        gateway.stage.node.add_dependency(executions)
        if config.scoring.firewall.enabled:
            ApiFirewall(
                self,
                "Firewall",
                name=names.scoring,
                stage_arn=gateway.stage.stage_arn,
                settings=config.scoring.firewall,
                log_key=operations_key,
                log_days=config.storage.log_days,
                removal_policy=removal,
            )
        if config.scoring.gateway_log_role == "create":
            logging = GatewayLogging(self, "GatewayLogging", role_arn=names.role_arn("gateway"))
            gateway.stage.node.add_dependency(logging)
        ProblemResponses(self, "Problems", api=gateway.api)
        ApiUsage(self, "Usage", name=names.scoring, api=gateway.api, settings=config.scoring)
        ScoringAlarms(
            self,
            "Alarms",
            name=names.scoring,
            metrics=scoring_metrics(config, names),
            settings=config.scoring.alarms,
            topic=sns.Topic.from_topic_arn(self, "Notifications", names.topic_arn),
        )
        if config.identity.personas.enabled:
            ScopedPolicy(
                self,
                "ExecutionLogsPolicy",
                description="Read what API Gateway logs of requests that fail",
                grants=[read_groups(names, gateway.execution_logs)],
                path=names.path,
                roles=[names.role(persona) for persona in FOLLOWERS],
            )
        self._callers(gateway, config, names)
        CfnOutput(self, "ApiUrl", value=gateway.api.url)
        CfnOutput(self, "FunctionName", value=names.scoring)

    def _callers(self, gateway: ScoringApi, config: PlatformConfig, names: Names) -> None:
        """Policies to attach to whoever calls the API, and to the analyst's role; its id is known here alone."""
        callers = {
            "Payments": ("Post transactions to be scored", identity.PAYMENTS),
            "Analysts": ("See decisions, and say what was fraud", identity.ANALYSTS),
        }
        people = {}
        if config.identity.personas.enabled:
            people = {"Analysts": [names.role("analyst")]}
            StackLook(self, "AnalystsLook", names=names, lookers=["analyst"])
        for name, (description, routes) in callers.items():
            grants = identity.call_api(gateway.arn(), routes)
            roles = people.get(name, [])
            policy = ScopedPolicy(self, f"{name}Policy", description=description, grants=grants, roles=roles)
            CfnOutput(self, f"{name}PolicyArn", value=policy.managed_policy_arn)


def scoring_metrics(config: PlatformConfig, names: Names) -> ScoringMetrics:
    """The metrics of this deployment's API."""
    return ScoringMetrics(name=names.scoring, stage=STAGE, namespace=config.project)


def function_environment(config: PlatformConfig, names: Names) -> dict[str, str]:
    """The function's settings, as inference_code/scoring reads them."""
    settings = config.scoring
    return {
        "PROFILES_TABLE": names.table("profiles"),
        "DECISIONS_TABLE": names.table("decisions"),
        "RULES_TABLE": names.table("rules"),
        "ENDPOINT_NAME": names.endpoint,
        "ENDPOINT_TIMEOUT_MS": str(settings.endpoint_timeout_ms),
        "CAPTURES_BUCKET": names.bucket("captures"),
        "FAIL_POLICY": settings.fail_policy,
        "RETENTION_DAYS": str(settings.decision_days),
        "MAX_FUTURE_SECONDS": str(settings.max_future_seconds),
        "POWERTOOLS_SERVICE_NAME": names.scoring,
        "POWERTOOLS_METRICS_NAMESPACE": config.project,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        # A payload is never logged.
        "POWERTOOLS_LOGGER_LOG_EVENT": "false",
        "POWERTOOLS_TRACER_CAPTURE_RESPONSE": "false",
        "POWERTOOLS_TRACER_CAPTURE_ERROR": "false",
    }
