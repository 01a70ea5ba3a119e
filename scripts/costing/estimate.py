"""From resources to an estimate: every type is priced, free for a reason, or named as not priced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scripts.costing import machines, requests, standing
from scripts.costing.items import Item, NoPriceError, Pricing
from scripts.costing.templates import Resource

PRICED: dict[str, Callable[[Resource, Pricing], Iterable[Item]]] = {
    "AWS::ApiGateway::Stage": requests.stage,
    "AWS::CloudWatch::Alarm": standing.alarm,
    "AWS::CloudWatch::Dashboard": standing.dashboard,
    "AWS::DynamoDB::Table": requests.table,
    "AWS::EC2::NatGateway": standing.nat,
    "AWS::EC2::VPCEndpoint": standing.vpc_endpoint,
    "AWS::KMS::Key": standing.key,
    "AWS::Lambda::Alias": requests.alias,
    "AWS::Lambda::Function": requests.function,
    "AWS::Logs::LogGroup": standing.log_group,
    "AWS::S3::Bucket": standing.bucket,
    "AWS::SNS::Topic": standing.topic,
    "AWS::SageMaker::EndpointConfig": machines.endpoint,
    "AWS::SageMaker::MonitoringSchedule": machines.schedule,
    "AWS::StepFunctions::StateMachine": machines.machine,
    "AWS::WAFv2::WebACL": requests.firewall,
}
_PART = "part of what it belongs to"
_RULES = "AWS asks nothing for rules of access"
FREE: dict[str, str] = {
    **dict.fromkeys(
        (
            *(f"AWS::ApiGateway::{part}" for part in ("Account", "ApiKey", "Deployment", "GatewayResponse", "Method")),
            *(f"AWS::ApiGateway::{part}" for part in ("Model", "RequestValidator", "Resource", "UsagePlan")),
            *("AWS::ApiGateway::RestApi", "AWS::ApiGateway::UsagePlanKey"),
        ),
        "requests are priced with the stage",
    ),
    **dict.fromkeys(
        ("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"),
        "the instances are priced with the endpoint; CloudWatch's alarms of target tracking are the service's",
    ),
    "AWS::Budgets::Budget": "budgets without actions are free",
    "AWS::EC2::FlowLog": "what it writes is priced with its log group",
    **dict.fromkeys(
        (
            *(f"AWS::EC2::{part}" for part in ("RouteTable", "SecurityGroup", "SecurityGroupEgress", "Subnet", "VPC")),
            *("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SubnetRouteTableAssociation"),
        ),
        "a network costs what is put into it",
    ),
    "AWS::Events::Rule": "events of AWS's services are free; what a rule starts is priced with its target",
    **dict.fromkeys(
        (
            *("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::Lambda::Permission"),
            *("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"),
        ),
        _RULES,
    ),
    "AWS::KMS::Alias": _PART,
    "AWS::Lambda::Version": _PART,
    "AWS::SNS::Subscription": "e-mails are priced with the topic",
    **dict.fromkeys(machines.DEFINITIONS, "a definition: its jobs are priced with their schedule"),
    "AWS::SQS::Queue": "it holds what could not be delivered: nothing, as long as all is well",
    "AWS::SageMaker::Endpoint": "the instances are priced with the endpoint's configuration",
    "AWS::SageMaker::Model": "a name for an image and its data",
    "AWS::SageMaker::ModelPackageGroup": "the registry is free; the models are kept in a bucket",
    "AWS::WAFv2::LoggingConfiguration": "what it writes is priced with its log group",
    "AWS::WAFv2::WebACLAssociation": _PART,
    "Custom::ClosedDefaultSecurityGroup": "one call of a function that is priced by itself",
    "AWS::CDK::Metadata": "nothing is made of it",
}


@dataclass(frozen=True)
class Estimate:
    """Items, the free types with their reasons, and what has no price: (resource, type, why)."""

    items: tuple[Item, ...]
    free: dict[str, str]
    unpriced: tuple[tuple[str, str, str], ...]

    @property
    def usd(self) -> float:
        """USD a month as used."""
        return sum(item.usd for item in self.items)

    @property
    def most(self) -> float:
        """USD a month with the endpoint scaled out, a challenger beside it, and all runs that the guard lets start."""
        return sum(item.most for item in self.items)


def estimate(resources: Iterable[Resource], pricing: Pricing) -> Estimate:
    """Return what `resources` cost a month."""
    items: list[Item] = []
    free: dict[str, str] = {}
    unpriced: list[tuple[str, str, str]] = []
    for resource in resources:
        if resource.type in FREE:
            free[resource.type] = FREE[resource.type]
        elif resource.type in PRICED:
            try:
                items += PRICED[resource.type](resource, pricing)
            except NoPriceError as missing:
                unpriced.append((resource.name, resource.type, str(missing)))
        else:
            unpriced.append((resource.name, resource.type, "this type has no price in scripts/costing"))
    return Estimate(tuple(items), free, tuple(unpriced))
