"""The whole configuration, and the names' prefix that follows from it."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from fraud import event_types
from stacks.config.base import Frozen
from stacks.config.budget import BudgetConfig
from stacks.config.identity import IdentityConfig
from stacks.config.monitoring import MonitoringConfig, NotificationsConfig
from stacks.config.network import NetworkConfig
from stacks.config.retraining import RetrainingConfig
from stacks.config.scoring import ScoringConfig
from stacks.config.serving import ServingConfig
from stacks.config.storage import StorageConfig
from stacks.config.training import TrainingConfig
from stacks.images import regions
from stacks.prices import run_cost

# A tuning job's name has at most 32 characters: <prefix>-r<8 hex>-<attempt of up to two digits>.
MAX_PREFIX = 32 - len("-r00000000-00")
# Decisions are found by each entity, through an index of its own; DynamoDB allows so many of a table.
MAX_ENTITIES = 20


class PlatformConfig(Frozen):
    """Everything that may differ between two deployments."""

    environment: Literal["dev", "staging", "prod"] = Field(description="Set by `-c env=`, never by hand.")
    project: str = Field(
        "fraudstack",
        pattern=r"^[a-z][a-z0-9-]*[a-z0-9]$",
        description="First part of every name; lower-case letters, digits and hyphens.",
    )
    region: str = Field("us-east-1", description="AWS region of all stacks.")
    termination_protection: bool = Field(False, description="Refuse to delete the stacks.")
    tags: dict[str, Annotated[str, Field(max_length=256)]] = Field(
        {}, description="Tags on every resource, beside `project` and `environment`."
    )
    event_type: str = Field(
        "card-transactions",
        description="What is scored: the name of a shipped event type, or the path of a YAML file.",
    )
    storage: StorageConfig = Field(StorageConfig(), description="Retention and removal.")
    identity: IdentityConfig = Field(IdentityConfig(), description="Roles and who administers keys.")
    network: NetworkConfig = Field(NetworkConfig(), description="Where jobs, models and functions run.")
    training: TrainingConfig = Field(TrainingConfig(), description="Retraining.")
    retraining: RetrainingConfig = Field(RetrainingConfig(), description="Retraining that starts itself.")
    serving: ServingConfig = Field(ServingConfig(), description="The endpoint.")
    scoring: ScoringConfig = Field(ScoringConfig(), description="The API that scores transactions.")
    monitoring: MonitoringConfig = Field(MonitoringConfig(), description="Monitoring of the endpoint's data.")
    notifications: NotificationsConfig = Field(NotificationsConfig(), description="Who is told.")
    budget: BudgetConfig = Field(BudgetConfig(), description="What all of it may cost.")

    @property
    def retrains_itself(self) -> bool:
        """Whether the loop is deployed: it collects what the API decided, so it needs the API."""
        return self.retraining.enabled and self.scoring.enabled

    @property
    def cost_tags(self) -> dict[str, str]:
        """The tags, on everything, that a bill tells this platform by."""
        return {"project": self.project, "environment": self.environment}

    @property
    def prefix(self) -> str:
        """First part of every name: `<project>-<environment>`."""
        return f"{self.project}-{self.environment}"

    def load_event_type(self) -> event_types.EventType:
        """The event type that `event_type` names."""
        return self._event_type

    @cached_property
    def _event_type(self) -> event_types.EventType:
        return event_types.load(self.event_type)

    @field_validator("event_type")
    @classmethod
    def _event_type_is_valid(cls, name_or_path: str) -> str:
        # EventTypeError is a ValueError whose message names the file and each field at fault.
        entities = event_types.load(name_or_path).entities
        if len(entities) > MAX_ENTITIES:
            raise ValueError(f"{name_or_path}: {len(entities)} entities; decisions can be found by {MAX_ENTITIES}")
        return name_or_path

    @field_validator("region")
    @classmethod
    def _region_has_the_training_image(cls, region: str) -> str:
        known = regions("xgboost")
        if region not in known:
            raise ValueError(f"'{region}' has no XGBoost image; known regions are {', '.join(known)}")
        return region

    @model_validator(mode="after")
    def _network_is_of_the_region(self) -> PlatformConfig:
        if self.network.creates:
            self.network.zones_in(self.region)
            for service in ("s3", "dynamodb"):
                self.network.prefix_list(service, self.region)
        if self.scoring.private and not (self.network.creates or self.network.existing.api_endpoint_id):
            raise ValueError("scoring.private needs a network: enable it, or name network.existing.api_endpoint_id")
        return self

    @model_validator(mode="after")
    def _names_fit(self) -> PlatformConfig:
        if len(self.prefix) > MAX_PREFIX:
            raise ValueError(
                f"project '{self.project}' is too long: '{self.prefix}' has {len(self.prefix)} characters, "
                f"at most {MAX_PREFIX} leave room for the names of tuning jobs"
            )
        if self.monitoring.engine == "model-monitor":
            self._check_monitoring_images()
        return self

    @model_validator(mode="after")
    def _retraining_is_possible(self) -> PlatformConfig:
        if not self.retrains_itself:
            return self
        cost = run_cost(self.training, self.retraining.hourly_usd)
        if cost.most > self.retraining.monthly_budget_usd:
            raise ValueError(
                f"retraining.monthly_budget_usd ({self.retraining.monthly_budget_usd:g}) is below what a run can "
                f"cost ({cost.most:g}): raise it, or lower training.max_trials or the jobs' max_runtime_seconds"
            )
        event_type = self.load_event_type()
        least = 3 + 2 * event_type.label_delay_days
        if event_type.timestamp and self.retraining.window_days < least:
            raise ValueError(
                f"retraining.window_days ({self.retraining.window_days}) must be at least {least}: event type "
                f"{event_type.name} has a label delay of {event_type.label_delay_days} days between each of the splits"
            )
        return self

    def _check_monitoring_images(self) -> None:
        clarify = self.monitoring.bias.enabled or self.monitoring.explainability.enabled
        for image in ("model-monitor-analyzer", *(["clarify-processing"] if clarify else [])):
            if self.region not in regions(image):
                raise ValueError(
                    f"monitoring.engine 'model-monitor' has no image {image} in region '{self.region}': "
                    "set it to 'processing'"
                )
