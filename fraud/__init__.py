"""The fraud domain: event types, data, features and simulation, free of any cloud."""
