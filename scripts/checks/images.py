"""Images of AWS's that jobs and models run: whether the region has them."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from scripts.checks.registry import Context, Finding, check
from scripts.retraining.errors import error_code, without_credentials
from stacks.images import image_uri, regions

_GONE = ("RepositoryNotFoundException", "ImageNotFoundException")


@check("images", "Does the region have the images?")
def images(context: Context) -> Iterator[Finding]:
    """By the table of images, and by ECR where it lets the caller look."""
    config = context.config
    names = ["xgboost"]
    if config.monitoring.engine == "model-monitor":
        clarify = config.monitoring.bias.enabled or config.monitoring.explainability.enabled
        names += ["model-monitor-analyzer", *(["clarify-processing"] if clarify else [])]
    for name in names:
        if config.region not in regions(name):
            where = ", ".join(regions(name))
            yield Finding("error", f"the table has no image {name} in {config.region}", f"use one of {where}")
        else:
            yield from _describe(context, image_uri(name, config.region))
    if config.training.trial_image:
        yield from _describe(context, config.training.trial_image)


def _describe(context: Context, uri: str) -> Iterator[Finding]:
    host, _, rest = uri.partition("/")
    account, _, _, region = host.split(".")[:4]
    repository, at, digest = rest.partition("@")
    name, _, tag = repository.partition(":")
    wanted = {"imageDigest": digest} if at else {"imageTag": tag or "latest"}
    ecr = context.session.client("ecr", region_name=region)
    try:
        ecr.describe_images(registryId=account, repositoryName=name, imageIds=[wanted])
    except ClientError as error:
        if without_credentials(error):
            raise
        if context.local:
            told = (
                f"{uri} is in the table; a local cloud has no registries of AWS's, and runs it as local_cloud.toml says"
            )
            yield Finding("warning", told, "ask the AWS account")
        elif error_code(error) in _GONE:
            remedy = "python -m scripts.generate_image_table renews the table; training.trial_image names your own"
            yield Finding("error", f"{uri} does not exist", remedy)
        else:
            # AWS's repositories let everybody pull, and not everybody look.
            told = f"{uri} is in the table, and ECR does not let the caller look"
            yield Finding("warning", told, "nothing, unless a job cannot pull it: then renew the table")
        return
    yield Finding("ok", f"{uri} exists")
