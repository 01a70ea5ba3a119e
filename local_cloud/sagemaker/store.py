"""Records of every SageMaker resource, by account, region, kind and name; one lock for all of them."""

import copy
import threading
from collections.abc import Iterator
from typing import Any

from local_cloud import hooks, state
from local_cloud.sagemaker.errors import ResourceNotFound, ValidationError

Record = dict[str, Any]

# Kinds for which the real API says ResourceNotFound; for the others it says ValidationException.
_SAYS_RESOURCE_NOT_FOUND = {
    "ProcessingJob", "TransformJob", "HyperParameterTuningJob", "MonitoringSchedule", "AutoMLJob",
    "DataQualityJobDefinition", "ModelQualityJobDefinition", "ModelBiasJobDefinition",
    "ModelExplainabilityJobDefinition", "FeatureGroup", "Experiment", "Trial", "TrialComponent",
    "Pipeline", "Project", "Domain", "UserProfile", "Context", "Action", "Artifact",
}  # fmt: skip


class Store:
    """Thread-safe table of records. A record is the merged request and Describe answer, times as epoch seconds.

    Keys hold the caller's account and region (``hooks.account_id()``, ``hooks.region()``), so worker threads
    must run inside ``hooks.bound``.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._records: dict[tuple[str, str, str, str], Record] = {}

    def _key(self, kind: str, name: str) -> tuple[str, str, str, str]:
        return hooks.account_id(), hooks.region(), kind, name

    def put(self, kind: str, name: str, record: Record) -> Record:
        with self.lock:
            self._records[self._key(kind, name)] = record
        state.touch()
        return record

    def update(self, record: Record, **members: Any) -> None:
        """Change members of a record at once, as far as readers and the saved state see it."""
        with self.lock:
            record.update(members)
        state.touch()

    def find(self, kind: str, name: str) -> Record | None:
        return self._records.get(self._key(kind, name))

    def require(self, kind: str, name: str) -> Record:
        record = self.find(kind, name)
        if record is None:
            message = f'Could not find {kind} "{name}".'
            raise (ResourceNotFound if kind in _SAYS_RESOURCE_NOT_FOUND else ValidationError)(message)
        return record

    def remove(self, kind: str, name: str) -> Record:
        with self.lock:
            self.require(kind, name)
            state.touch()
            return self._records.pop(self._key(kind, name))

    def all(self, kind: str) -> list[Record]:
        """Every record of the kind in the caller's account and region."""
        scope = self._key(kind, "")[:3]
        with self.lock:
            return [record for key, record in self._records.items() if key[:3] == scope]

    def everywhere(self) -> Iterator[tuple[tuple[str, str, str, str], Record]]:
        """(account, region, kind, name) and record over all accounts and regions."""
        with self.lock:
            return iter(list(self._records.items()))

    def dump(self) -> list[list[Any]]:
        """Rows that ``load`` takes; copies, because the caller serialises them while handlers go on."""
        with self.lock:
            return [[list(key), copy.deepcopy(record)] for key, record in self._records.items()]

    def load(self, rows: list[list[Any]]) -> None:
        with self.lock:
            self._records = {tuple(key): record for key, record in rows}

    def clear(self) -> None:
        with self.lock:
            self._records.clear()


STORE = Store()
