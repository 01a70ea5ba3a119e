"""Card transactions with frauds by a published law, for trials, tests and load of any size."""

from fraud.simulation.law import LawSettings, Simulator
from fraud.simulation.population import Population
from fraud.simulation.writing import write_partitions

__all__ = ["LawSettings", "Population", "Simulator", "write_partitions"]
