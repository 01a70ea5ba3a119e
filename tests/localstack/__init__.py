"""The parts of the platform that any LocalStack-compatible cloud can run: keys, storage, messaging, parameters."""
