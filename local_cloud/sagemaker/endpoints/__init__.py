"""Endpoints as real processes: configurations, fleets, traffic, deployments and metrics."""
