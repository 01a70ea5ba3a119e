"""The whole configuration, and the names' prefix that follows from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from stacks.config.base import Frozen
from stacks.config.monitoring import MonitoringConfig, NotificationsConfig
from stacks.config.serving import ServingConfig
from stacks.config.storage import StorageConfig
from stacks.config.training import TrainingConfig
from stacks.images import regions

# A tuning job's name has at most 32 characters: <prefix>-r<8 hex>-<attempt of up to two digits>.
MAX_PREFIX = 32 - len("-r00000000-00")


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
    storage: StorageConfig = Field(StorageConfig(), description="Retention and removal.")
    training: TrainingConfig = Field(TrainingConfig(), description="Retraining.")
    serving: ServingConfig = Field(ServingConfig(), description="The endpoint.")
    monitoring: MonitoringConfig = Field(MonitoringConfig(), description="Monitoring of the endpoint's data.")
    notifications: NotificationsConfig = Field(NotificationsConfig(), description="Who is told.")

    @property
    def prefix(self) -> str:
        """First part of every name: `<project>-<environment>`."""
        return f"{self.project}-{self.environment}"

    @field_validator("region")
    @classmethod
    def _region_has_the_training_image(cls, region: str) -> str:
        known = regions("xgboost")
        if region not in known:
            raise ValueError(f"'{region}' has no XGBoost image; known regions are {', '.join(known)}")
        return region

    @model_validator(mode="after")
    def _names_fit(self) -> PlatformConfig:
        if len(self.prefix) > MAX_PREFIX:
            raise ValueError(
                f"project '{self.project}' is too long: '{self.prefix}' has {len(self.prefix)} characters, "
                f"at most {MAX_PREFIX} leave room for the names of tuning jobs"
            )
        if self.monitoring.engine == "model-monitor" and self.region not in regions("model-monitor-analyzer"):
            raise ValueError(
                f"monitoring.engine 'model-monitor' has no image in region '{self.region}': set it to 'none'"
            )
        return self
