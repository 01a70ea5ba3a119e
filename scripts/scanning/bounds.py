"""What the scanners may find, and what they found in comparable projects.

The peers' figures were measured with cfn-lint 1.58, checkov 3.3.30 and cdk-nag's packs, on templates synthesized from
their sources, with nothing suppressed.
"""

from __future__ import annotations

from dataclasses import dataclass

# Findings a resource, at most.
BOUNDS = {"AwsSolutions": 0.12, "PCI DSS 3.2.1": 0.15, "NIST 800-53 r5": 0.15, "checkov": 0.10}


@dataclass(frozen=True)
class Peer:
    """One project's figures; findings of checkov and of cdk-nag's packs a resource."""

    name: str
    resources: int
    lint: tuple[int, int]
    checkov: float
    solutions: float
    pci: float
    nist: float
    controls: tuple[int, int]


PEERS = (
    Peer("aws/modern-data-architecture-accelerator", 220, (0, 22), 0.14, 0.15, 0.21, 0.24, (7, 8)),
    Peer("aws-samples/amazon-sagemaker-secure-mlops", 203, (3, 95), 0.15, 0.25, 0.23, 0.29, (4, 2)),
    Peer("awslabs/aiops-modules", 55, (0, 2), 0.27, 0.35, 0.45, 0.42, (5, 10)),
    Peer("aws-solutions/mlops-workload-orchestrator", 359, (0, 99), 0.40, 0.41, 0.48, 0.63, (2, 13)),
    Peer("aws-samples/amazon-sagemaker-drift-detection", 68, (6, 9), 0.65, 0.32, 0.54, 0.68, (1, 10)),
    Peer("fraud-detection-using-machine-learning", 24, (0, 2), 0.67, 0.58, 0.71, 0.88, (0, 9)),
)
