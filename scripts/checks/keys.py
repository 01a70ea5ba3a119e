"""The platform's keys: whether they can be used."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.checks.registry import Context, Finding, check

PURPOSES = ("data", "operations")


@check("keys", "Can the platform's keys be used?")
def keys(context: Context) -> Iterator[Finding]:
    """A key that is disabled or waits for its deletion takes everything with it that it encrypts."""
    kms = context.client("kms")
    usable = []
    for purpose in PURPOSES:
        alias = f"alias/{context.config.prefix}-{purpose}"
        try:
            key = kms.describe_key(KeyId=alias)["KeyMetadata"]
        except kms.exceptions.NotFoundException:
            continue
        identifier, state = key["KeyId"], key["KeyState"]
        if state == "Enabled":
            usable.append(alias)
            continue
        enable = f"aws kms enable-key --region {context.config.region} --key-id {identifier}"
        keep = f"aws kms cancel-key-deletion --region {context.config.region} --key-id {identifier} && {enable}"
        when = f" and is deleted on {key['DeletionDate']:%d %B %Y}" if key.get("DeletionDate") else ""
        remedy = {"PendingDeletion": keep, "Disabled": enable}.get(state, "wait until it is Enabled")
        yield Finding("error", f"{alias} ({identifier}) is {state}{when}: what it encrypts cannot be read", remedy)
    yield Finding("ok", f"{' and '.join(usable)} can be used" if usable else "the first deployment makes them")
