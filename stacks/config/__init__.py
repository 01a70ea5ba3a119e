"""The platform's configuration: one frozen, validated object, read once in app.py and passed down."""

from stacks.config.identity import IdentityConfig
from stacks.config.loading import ConfigurationError, load_config
from stacks.config.monitoring import FacetConfig, MonitoringConfig, NotificationsConfig
from stacks.config.network import ExistingNetworkConfig, NetworkConfig
from stacks.config.platform import PlatformConfig
from stacks.config.retraining import RetrainingConfig
from stacks.config.scoring import ScoringAlarmConfig, ScoringConfig
from stacks.config.serving import AlarmConfig, ChallengerConfig, ScalingConfig, ServingConfig, TrafficConfig
from stacks.config.storage import StorageConfig
from stacks.config.training import AlgorithmConfig, GateConfig, JobConfig, SplitConfig, TrainingConfig

__all__ = [
    "AlarmConfig",
    "AlgorithmConfig",
    "ChallengerConfig",
    "ConfigurationError",
    "ExistingNetworkConfig",
    "FacetConfig",
    "GateConfig",
    "IdentityConfig",
    "JobConfig",
    "MonitoringConfig",
    "NetworkConfig",
    "NotificationsConfig",
    "PlatformConfig",
    "RetrainingConfig",
    "ScalingConfig",
    "ScoringAlarmConfig",
    "ScoringConfig",
    "ServingConfig",
    "SplitConfig",
    "StorageConfig",
    "TrafficConfig",
    "TrainingConfig",
    "load_config",
]
