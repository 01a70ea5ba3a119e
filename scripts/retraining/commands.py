"""Command lines to hand to the operator."""

import shlex

from scripts.retraining.options import Options


def aws_command(options: Options, *words: str) -> str:
    """A command line of the AWS CLI that reaches the same cloud as these options."""
    command = ["aws", *words]
    if options.endpoint_url:
        command += ["--endpoint-url", options.endpoint_url]
    if options.region:
        command += ["--region", options.region]
    return shlex.join(command)
