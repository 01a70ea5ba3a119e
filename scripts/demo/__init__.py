"""The whole life cycle on the embedded local cloud, with a report to look at: `make demo`."""
