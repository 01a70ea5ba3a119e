"""The SageMaker control plane and runtime: each operation of botocore's model is executed, recorded or refused."""
