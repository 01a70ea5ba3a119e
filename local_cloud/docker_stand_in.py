#!/usr/bin/env python3
"""Stands in for the docker command where there is none, for the CDK CLI's image assets: CDK_DOCKER names this file.

    CDK_DOCKER=/path/to/local_cloud/docker_stand_in.py cdk deploy

No image is built: the local cloud runs an image's program from sources (see local_cloud.toml). ``build`` takes the
digest of the context, ``tag`` names it, and ``push`` registers the tag in the repository of the local cloud that
AWS_ENDPOINT_URL names, with a manifest of that digest, so that CDK and ECR know the image. What is built is remembered
in DOCKER_CONFIG (~/.docker). ``inspect`` fails for what was not built; every other command is refused.

boto3 must be importable, so ``python3`` on the PATH has to be the local cloud's own; it is named here by itself so
that the file is a program that takes docker's arguments.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from pathlib import Path

_TARGET = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+):([\w.-]+)")
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Refused(Exception):
    """Docker would fail as well, or this program does not do it."""


def main(arguments: list[str]) -> int:
    """Do what docker's arguments say; 1 with a message where that fails, as docker does."""
    parser = argparse.ArgumentParser(prog="docker", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"))
    parser.add_argument("command")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    commands = {"login": _login, "build": _build, "inspect": _inspect, "images": _images, "tag": _tag, "push": _push}
    try:
        if options.command not in commands:
            known = ", ".join(commands)
            raise Refused(f"{options.command} is not available without Docker; this stand-in knows {known}")
        commands[options.command](options.rest, options.config / "stand-in-images.json")
    except Refused as refusal:
        print(f"docker (stand-in of the local cloud): {refusal}", file=sys.stderr)
        return 1
    return 0


def _login(_: list[str], __: Path) -> None:
    if not sys.stdin.isatty():
        sys.stdin.read()
    print("Login Succeeded")


def _build(arguments: list[str], store: Path) -> None:
    parser = argparse.ArgumentParser(prog="docker build")
    parser.add_argument("--tag", "-t", required=True)
    parser.add_argument("--file", "-f", default="Dockerfile")
    parser.add_argument("--target")
    parser.add_argument("--platform")
    # CDK's other options change what is built, which is nothing here.
    options, others = parser.parse_known_args(arguments)
    context = Path(others[-1]) if others else Path()
    if not (context / options.file).is_file():
        raise Refused(f"{context / options.file} is no file")
    settings = json.dumps([options.file, options.target, options.platform, others[:-1]])
    _remember(store, options.tag, _digest(context, settings))
    print(f"Took the digest of {context.absolute()}; nothing was built")


def _digest(context: Path, settings: str) -> str:
    digest = hashlib.sha256(settings.encode())
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(context)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _inspect(arguments: list[str], store: Path) -> None:
    name = arguments[-1] if arguments else ""
    print(json.dumps([{"Id": f"sha256:{_built(store, name)}", "RepoTags": [name]}]))


def _images(arguments: list[str], store: Path) -> None:
    wanted = arguments[arguments.index("--filter") + 1].rpartition(":")[2] if "--filter" in arguments else ""
    for name in _all(store):
        if name.endswith(f":{wanted}") or not wanted:
            print(name)


def _tag(arguments: list[str], store: Path) -> None:
    source, target = arguments
    _remember(store, target, _built(store, source))


def _push(arguments: list[str], store: Path) -> None:
    name = arguments[-1]
    match = _TARGET.fullmatch(name)
    if match is None:
        raise Refused(f"{name} is no tag in an ECR repository")
    account, region, repository, tag = match.groups()
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise Refused("AWS_ENDPOINT_URL does not say where the local cloud is")
    digest = _built(store, name)

    import boto3

    client = boto3.client(
        "ecr",
        endpoint_url=endpoint,
        region_name=region,
        # The local cloud takes the account from the key.
        aws_access_key_id=account,
        aws_secret_access_key="local",
    )
    try:
        client.put_image(
            registryId=account,
            repositoryName=repository,
            imageTag=tag,
            imageManifest=_manifest(digest),
            imageManifestMediaType=_MANIFEST,
        )
    except client.exceptions.RepositoryNotFoundException as error:
        raise Refused(f"{error}; run `cdk bootstrap` first") from None
    except client.exceptions.ImageAlreadyExistsException:
        pass
    print(f"{tag}: registered with digest sha256:{digest}; nothing was uploaded")


def _manifest(digest: str) -> str:
    config = {"mediaType": _CONFIG, "size": 0, "digest": f"sha256:{digest}"}
    layers = [{"mediaType": _LAYER, "size": 0, "digest": f"sha256:{digest}"}]
    return json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers})


def _all(store: Path) -> dict[str, str]:
    return json.loads(store.read_text()) if store.exists() else {}


def _built(store: Path, name: str) -> str:
    try:
        return _all(store)[name]
    except KeyError:
        raise Refused(f"No such image: {name}") from None


def _remember(store: Path, name: str, digest: str) -> None:
    store.parent.mkdir(parents=True, exist_ok=True)
    partial = store.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({**_all(store), name: digest}))
    partial.replace(store)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
