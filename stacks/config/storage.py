"""Retention and removal of everything that is kept."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stacks.config.base import Days, Frozen

# The periods that CloudWatch Logs accepts.
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922]


class StorageConfig(Frozen):
    """Buckets, keys and logs."""

    removal: Literal["destroy", "retain"] = Field(
        "retain", description="What `cdk destroy` does to buckets, keys and logs: delete or keep them."
    )
    key_deletion_days: int = Field(30, ge=7, le=30, description="Waiting period of a key's deletion, in days.")
    log_days: LogDays = Field(90, description="How long log groups keep their events, in days.")
    access_log_days: Days = Field(365, description="How long S3 access logs are kept, in days.")
    noncurrent_days: Days = Field(
        90, description="How long an overwritten or deleted object's older version is kept, in days."
    )
    capture_days: Days = Field(90, description="How long captured requests and answers are kept, in days.")
    report_days: Days = Field(365, description="How long monitoring reports are kept, in days.")
    archive_days: int = Field(
        90, ge=30, le=3650, description="Age at which transactions and runs move to a cheaper class, in days."
    )
