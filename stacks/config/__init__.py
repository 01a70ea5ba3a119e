"""The platform's configuration: one frozen, validated object, read once in app.py and passed down."""

from stacks.config.loading import ConfigurationError, load_config
from stacks.config.monitoring import MonitoringConfig, NotificationsConfig
from stacks.config.platform import PlatformConfig
from stacks.config.serving import AlarmConfig, ScalingConfig, ServingConfig, TrafficConfig
from stacks.config.storage import StorageConfig
from stacks.config.training import AlgorithmConfig, GateConfig, JobConfig, SplitConfig, TrainingConfig

__all__ = [
    "AlarmConfig",
    "AlgorithmConfig",
    "ConfigurationError",
    "GateConfig",
    "JobConfig",
    "MonitoringConfig",
    "NotificationsConfig",
    "PlatformConfig",
    "ScalingConfig",
    "ServingConfig",
    "SplitConfig",
    "StorageConfig",
    "TrafficConfig",
    "TrainingConfig",
    "load_config",
]
