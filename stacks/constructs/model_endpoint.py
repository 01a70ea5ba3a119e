"""Models, endpoint configuration and endpoint of the champion and, where there is one, its challenger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.config import ServingConfig, TrafficConfig
from stacks.constructs.challenger_parameters import ChallengerParameters, only_if
from stacks.names import CHALLENGER_VARIANT
from stacks.network.placement import Placement


class ModelEndpoint(Construct):
    """Serves a model package, and its challenger's as a shadow or a second production variant.

    Models and configuration have no names of their own: they are replaced with each version, and a name would
    collide with the version before. Their logical ids begin their generated names, to which roles are scoped.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        variant: str,
        model_package_arn: str,
        challenger: ChallengerParameters | None,
        role_arn: str,
        capture_uri: str,
        key_arn: str,
        settings: ServingConfig,
        rollback_alarms: Sequence[cloudwatch.Alarm],
        logical_prefix: str,
        placement: Placement,
    ) -> None:
        super().__init__(scope, construct_id)
        self._placement = placement
        model = self._model("Model", model_package_arn, role_arn, f"{logical_prefix}model")
        ab = settings.challenger.mode == "ab"
        production: list[Any] = [
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name=variant,
                model_name=model.attr_model_name,
                instance_type=settings.instance_type,
                initial_instance_count=settings.instance_count,
                # The weights of an A/B test add up to 100; alone, a variant gets everything whatever its weight.
                initial_variant_weight=100 - settings.challenger.traffic_percent if ab else 1,
            )
        ]
        shadows = None
        self.challenger_model = None
        if challenger:
            rival = self._model("Challenger", challenger.value_as_string, role_arn, f"{logical_prefix}challenger")
            self.challenger_model = rival
            if ab:
                production.append(only_if(challenger.exists, _challenger(rival, settings)))
            else:
                shadows = only_if(challenger.exists, [_challenger(rival, settings)])
        self.configuration = sagemaker.CfnEndpointConfig(
            self,
            "Configuration",
            production_variants=production,
            shadow_production_variants=shadows,
            data_capture_config=_capture(capture_uri, key_arn, settings.capture_percent),
            kms_key_id=key_arn,
        )
        self.configuration.override_logical_id(f"{logical_prefix}endpointconfig")
        deployment = _deployment(settings.traffic, rollback_alarms)
        guarded = challenger.guarded if challenger else None
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=self.configuration.attr_endpoint_config_name,
            deployment_config=only_if(guarded, deployment) if guarded else deployment,
            # An update keeps the capacity that scaling has reached, but not weights: a new version takes all.
            retain_all_variant_properties=True,
            exclude_retained_variant_properties=[
                sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
            ],
        )

    def _model(self, construct_id: str, package_arn: str, role_arn: str, logical_id: str) -> sagemaker.CfnModel:
        model = sagemaker.CfnModel(
            self,
            construct_id,
            execution_role_arn=role_arn,
            enable_network_isolation=True,
            vpc_config=self._placement.model(),
            containers=[sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=package_arn)],
        )
        model.override_logical_id(logical_id)
        return model


def _challenger(
    model: sagemaker.CfnModel, settings: ServingConfig
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    percent = settings.challenger.traffic_percent
    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name=CHALLENGER_VARIANT,
        model_name=model.attr_model_name,
        instance_type=settings.challenger_instance_type,
        initial_instance_count=settings.challenger.instance_count,
        # A shadow gets copies of as many requests as its weight is of the production variant's, which is 1.
        initial_variant_weight=percent if settings.challenger.mode == "ab" else percent / 100,
    )


def _capture(uri: str, key_arn: str, percent: int) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
    return sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
        enable_capture=percent > 0,
        initial_sampling_percentage=percent,
        destination_s3_uri=uri,
        kms_key_id=key_arn,
        capture_options=[
            sagemaker.CfnEndpointConfig.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")
        ],
        capture_content_type_header=sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty(
            csv_content_types=["text/csv"], json_content_types=["application/json"]
        ),
    )


def _deployment(
    traffic: TrafficConfig, alarms: Sequence[cloudwatch.Alarm]
) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
    size = sagemaker.CfnEndpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=traffic.step_percent)
    routing = sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
        type=traffic.shifting,
        wait_interval_in_seconds=traffic.bake_seconds,
        canary_size=size if traffic.shifting == "CANARY" else None,
        linear_step_size=size if traffic.shifting == "LINEAR" else None,
    )
    return sagemaker.CfnEndpoint.DeploymentConfigProperty(
        blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=routing,
            termination_wait_in_seconds=traffic.termination_wait_seconds,
            maximum_execution_timeout_in_seconds=traffic.max_seconds,
        ),
        auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
            alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in alarms]
        ),
    )
