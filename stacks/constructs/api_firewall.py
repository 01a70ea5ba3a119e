"""The web ACL in front of the API's stage, and its log of what it refused or counted, without path, query and body."""

from __future__ import annotations

import json

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from stacks.config.firewall import FirewallConfig
from stacks.constructs.encrypted_log_group import EncryptedLogGroup

WINDOW_SECONDS = 60
# AWS's rule groups in order. Callers are programs of the account, some of which name no user agent.
MANAGED = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesCommonRuleSet": ("NoUserAgent_HEADER",),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
}
# Secrets, and what callers write as they like.
HIDDEN_HEADERS = ("authorization", "cookie", "referer", "user-agent", "x-api-key", "x-amz-security-token")
# API Gateway's access log has the requests that pass. Headers that nobody thought of cannot be hidden one by one.
LOGGED = ("BLOCK", "COUNT", "EXCLUDED_AS_COUNT")
TOO_MANY = {
    "type": "about:blank",
    "title": "Too Many Requests",
    "status": 429,
    "detail": "This client's address has made too many requests in the last minute: send fewer, and try again.",
}


class ApiFirewall(Construct):
    """Limits each client, then applies AWS's rule groups; whatever is left goes on to API Gateway."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        stage_arn: str,
        settings: FirewallConfig,
        log_key: kms.IKey,
        log_days: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self.acl = waf.CfnWebACL(
            self,
            "Acl",
            name=name,
            description="Limits clients of the scoring API and refuses known attacks",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            rules=[_limit(settings.client_rate_limit), *(_managed(n, group) for n, group in enumerate(MANAGED, 1))],
            custom_response_bodies={
                "too-many": waf.CfnWebACL.CustomResponseBodyProperty(
                    content_type="APPLICATION_JSON", content=json.dumps(TOO_MANY)
                )
            },
            # What a rule matched is a part of the request: of bodies and queries nobody sees it.
            data_protection_config=waf.CfnWebACL.DataProtectionConfigProperty(
                data_protections=[_hide("BODY"), _hide("QUERY_STRING"), *(_hide_header(h) for h in HIDDEN_HEADERS)]
            ),
            visibility_config=_visibility(name),
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=self.acl.attr_arn)
        logs = EncryptedLogGroup(
            self,
            "Logs",
            # AWS WAF takes groups whose names begin like this.
            name=f"aws-waf-logs-{name}",
            key=log_key,
            days=log_days,
            removal_policy=removal_policy,
        )
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self.acl.attr_arn,
            log_destination_configs=[logs.log_group_arn.removesuffix(":*")],
            redacted_fields=[
                waf.CfnLoggingConfiguration.FieldToMatchProperty(uri_path={}),
                waf.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
                *(
                    waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header})
                    for header in HIDDEN_HEADERS
                ),
            ],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [{"ActionCondition": {"Action": action}} for action in LOGGED],
                    }
                ],
            },
        )


def _limit(rate: int) -> waf.CfnWebACL.RuleProperty:
    response = waf.CfnWebACL.CustomResponseProperty(response_code=429, custom_response_body_key="too-many")
    return waf.CfnWebACL.RuleProperty(
        name="client-rate",
        priority=0,
        action=waf.CfnWebACL.RuleActionProperty(block=waf.CfnWebACL.BlockActionProperty(custom_response=response)),
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                limit=rate * WINDOW_SECONDS, aggregate_key_type="IP", evaluation_window_sec=WINDOW_SECONDS
            )
        ),
        visibility_config=_visibility("client-rate"),
    )


def _managed(priority: int, group: str) -> waf.CfnWebACL.RuleProperty:
    counted = [
        waf.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={}))
        for rule in MANAGED[group]
    ]
    return waf.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=group, rule_action_overrides=counted or None
            )
        ),
        visibility_config=_visibility(group),
    )


def _hide(field: str, keys: list[str] | None = None) -> waf.CfnWebACL.DataProtectProperty:
    return waf.CfnWebACL.DataProtectProperty(
        action="SUBSTITUTION",
        field=waf.CfnWebACL.FieldToProtectProperty(field_type=field, field_keys=keys),
        exclude_rate_based_details=False,
        exclude_rule_match_details=False,
    )


def _hide_header(name: str) -> waf.CfnWebACL.DataProtectProperty:
    return _hide("SINGLE_HEADER", [name])


def _visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Metrics, but no samples: those are whole requests."""
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
