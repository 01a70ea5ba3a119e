"""The model server: SageMaker's serving contract over a model package, in a process for each core."""
