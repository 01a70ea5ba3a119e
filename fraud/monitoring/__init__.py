"""Data quality in the file formats of SageMaker Model Monitor: statistics, constraints, violations, drift."""

from fraud.monitoring.constraints import suggest_constraints
from fraud.monitoring.profile import Profile, profile
from fraud.monitoring.violations import find_violations

__all__ = ["Profile", "find_violations", "profile", "suggest_constraints"]
