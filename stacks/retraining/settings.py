"""What the definition is built from: strings and numbers, so that it can be built and tested without the CDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.config import TrainingConfig

if TYPE_CHECKING:
    from stacks.network.placement import Placement


@dataclass(frozen=True)
class RetrainingSettings:
    """Names, ARNs and URIs that the definition refers to.

    `challenger` says whether anything can challenge; `challenger_target` is empty where that is not scaled.
    """

    prefix: str
    training: TrainingConfig
    image: str
    trial_image: str
    serving_image: str
    code_uri: str
    wheels_uri: str
    artifacts_bucket: str
    data_key: str
    processing_role: str
    training_role: str
    promotion_role: str
    topic: str
    model_package_group: str
    serving_stack: str
    monitoring_stack: str
    endpoint: str
    instance_types: tuple[str, ...]
    placement: Placement
    monitors: tuple[str, ...]
    facets: tuple[str, ...] | None
    probability_threshold: float
    explanation_samples: int
    explained_model: str
    explained_instance_type: str
    challenger: bool = False
    challenger_target: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def code_file(self) -> str:
        """File name of the code archive in a job's input."""
        return self.code_uri.rsplit("/", 1)[-1]

    @property
    def wheels_file(self) -> str:
        """File name of the wheelhouse in a job's input."""
        return self.wheels_uri.rsplit("/", 1)[-1]

    def tag_list(self) -> list[dict[str, str]]:
        """The tags as SageMaker's API takes them."""
        return [{"Key": key, "Value": value} for key, value in self.tags]
