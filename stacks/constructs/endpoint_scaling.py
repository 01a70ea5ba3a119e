"""Automatic scaling of an endpoint's variant by requests for each instance."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.config import ScalingConfig

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


class EndpointScaling(Construct):
    """A scalable target (only once the endpoint exists, or its update would fail) and its target tracking."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: sagemaker.CfnEndpoint,
        endpoint_name: str,
        variant: str,
        settings: ScalingConfig,
        least: int,
        most: int,
    ) -> None:
        super().__init__(scope, construct_id)
        resource = f"endpoint/{endpoint_name}/variant/{variant}"
        target = scaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            scalable_dimension=DIMENSION,
            resource_id=resource,
            min_capacity=least,
            max_capacity=most,
        )
        target.add_resource_dependency(endpoint)
        scaling.CfnScalingPolicy(
            self,
            "Policy",
            policy_name=f"{endpoint_name}-invocations",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=(
                scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=settings.invocations_per_instance,
                    scale_in_cooldown=settings.scale_in_seconds,
                    scale_out_cooldown=settings.scale_out_seconds,
                    predefined_metric_specification=(
                        scaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                            predefined_metric_type="SageMakerVariantInvocationsPerInstance"
                        )
                    ),
                )
            ),
        )
