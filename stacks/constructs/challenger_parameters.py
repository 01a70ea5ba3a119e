"""The challenger's model version as a stack parameter, and whether deployment guardrails can be used for an update."""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws, CfnCondition, CfnParameter, Fn, IResolvable, Stack

from stacks.config import ChallengerConfig
from stacks.constructs.model_parameter import ModelParameter

PARAMETER = "ChallengerModelPackageArn"
GUARDRAILS = "Guardrails"


class ChallengerParameters(ModelParameter):
    """`ChallengerModelPackageArn`: empty while nothing challenges the champion.

    `guarded` is None where deployment guardrails are always used, else the condition under which they are.
    """

    def __init__(
        self, stack: Stack, *, champion: ModelParameter, model_package_group: str, settings: ChallengerConfig
    ) -> None:
        super().__init__(
            stack,
            model_package_group=model_package_group,
            name=PARAMETER,
            condition="HasChallenger",
            description="Model package that challenges the served one; empty for none",
        )
        given = Fn.condition_not(Fn.condition_equals(self, ""))
        self.exists.expression = Fn.condition_and(champion.exists, given)
        self.guarded = _guarded(stack) if settings.mode == "ab" else None


def only_if(condition: CfnCondition, value: Any) -> IResolvable:
    """A property that is left out where the condition does not hold.

    Within a condition the CDK writes its own names of members instead of CloudFormation's, so they are put right here.
    """
    written = _as_written(condition.stack.resolve(value))
    return Fn.condition_if(condition.logical_id, written, Aws.NO_VALUE)


def _as_written(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _as_written(item) for key, item in value.items()}
    return [_as_written(item) for item in value] if isinstance(value, list) else value


def _guarded(stack: Stack) -> CfnCondition:
    """SageMaker's guardrails need the same production variants before and after, so an A/B test cannot begin or end
    under them; a shadow variant is none."""
    guardrails = CfnParameter(
        stack,
        GUARDRAILS,
        type="String",
        default="on",
        allowed_values=["on", "off"],
        description="off for updates that add or remove a production variant: all traffic moves at once",
    )
    return CfnCondition(stack, "Guarded", expression=Fn.condition_equals(guardrails, "on"))
