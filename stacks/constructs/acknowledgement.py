"""Acknowledging what a scanner says of one resource, each with its reason."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

PACKS = {
    "solutions": "AwsSolutions",
    "nist": "NIST.800.53.R5",
    "pci": "PCI.DSS.321",
    "hipaa": "HIPAA.Security",
    "serverless": "Serverless",
}


def acknowledge(resource: IConstruct, rule: str, reason: str, *, packs: str) -> None:
    """Acknowledge a rule of cdk-nag on a resource; `packs` are the packs that have it, as words of `PACKS`."""
    for pack in packs.split():
        Validations.of(resource).acknowledge(Acknowledgment(id=f"{PACKS[pack]}-{rule}", reason=reason))
