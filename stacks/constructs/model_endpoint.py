"""Model, endpoint configuration and endpoint of one model package."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.config import ServingConfig, TrafficConfig


class ModelEndpoint(Construct):
    """Serves a model package.

    Model and configuration have no names of their own: both are replaced with each version, and a name would
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
        role_arn: str,
        capture_uri: str,
        key_arn: str,
        settings: ServingConfig,
        rollback_alarms: Sequence[cloudwatch.Alarm],
        logical_prefix: str,
    ) -> None:
        super().__init__(scope, construct_id)
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role_arn,
            enable_network_isolation=True,
            containers=[sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=model_package_arn)],
        )
        model.override_logical_id(f"{logical_prefix}model")
        self.configuration = sagemaker.CfnEndpointConfig(
            self,
            "Configuration",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=variant,
                    model_name=model.attr_model_name,
                    instance_type=settings.instance_type,
                    initial_instance_count=settings.instance_count,
                    initial_variant_weight=1,
                )
            ],
            data_capture_config=_capture(capture_uri, key_arn, settings.capture_percent),
            kms_key_id=key_arn,
        )
        self.configuration.override_logical_id(f"{logical_prefix}endpointconfig")
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=self.configuration.attr_endpoint_config_name,
            deployment_config=_deployment(settings.traffic, rollback_alarms),
            # An update keeps the capacity that scaling has reached, but not weights: a new version takes all.
            retain_all_variant_properties=True,
            exclude_retained_variant_properties=[
                sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
            ],
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
