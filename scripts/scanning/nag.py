"""cdk-nag: its packs, and what they find when nothing is acknowledged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

import cdk_nag
from aws_cdk import App, Validations

PACKS = {
    "AwsSolutions": cdk_nag.AwsSolutionsChecks,
    "NIST 800-53 r5": cdk_nag.NIST80053R5Checks,
    "PCI DSS 3.2.1": cdk_nag.PCIDSS321Checks,
    "HIPAA": cdk_nag.HIPAASecurityChecks,
    "Serverless": cdk_nag.ServerlessChecks,
}
Findings = dict[str, list[tuple[str, str]]]


def add_packs(app: App) -> None:
    """Make a finding of any pack that nobody acknowledged fail the synth."""
    Validations.of(app).add_plugins(*(pack(app) for pack in PACKS.values()))


@contextlib.contextmanager
def nothing_acknowledged() -> Iterator[None]:
    """Constructs made in here keep no acknowledgements, so that nothing is suppressed."""
    with mock.patch.object(Validations, "acknowledge", lambda self, *rules: None):
        yield


def stripped(compose: Callable[[App], None], app: App) -> Findings:
    """Return (rule, construct's path) of everything that each pack finds in what `compose` adds to `app`.

    A rule that tells findings apart (each wildcard of a policy) counts with each of them.
    """
    with nothing_acknowledged():
        compose(app)
    found: Findings = {}
    for name, pack in PACKS.items():
        report = pack(app).validate_scope(app)
        found[name] = [
            (violation.rule_name, resource.construct_path)
            for violation in report.violations
            for resource in violation.violating_resources
        ]
    return found
