"""The processes of one endpoint configuration, and what answers for an endpoint at a moment."""

import random
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from local_cloud import hooks
from local_cloud.authorization import Refused, acting_as, containers
from local_cloud.sagemaker import models
from local_cloud.sagemaker.endpoints.process import STARTUP_TIMEOUT, ServingProcess, StartFailed
from local_cloud.sagemaker.errors import ValidationError

Record = dict[str, Any]

_LONGEST_REQUEST = 65.0


class Variant:
    """One production or shadow variant: one process, whatever number of instances is recorded."""

    def __init__(self, endpoint: str, config: Record):
        self.name: str = config["VariantName"]
        self.weight: float = config["InitialVariantWeight"]
        self.instances: int | None = config.get("InitialInstanceCount")
        self.role = models.role_of(config["ModelName"])
        self.in_flight = 0
        # Gets copies of this variant's requests.
        self.shadow: Variant | None = None
        # From here on a process of its own replaces the instance that AWS would start.
        self.process = ServingProcess(
            models.serving_container(config["ModelName"]),
            log_group=f"/aws/sagemaker/Endpoints/{endpoint}",
            log_stream=f"{self.name}/i-{uuid.uuid4().hex[:17]}",
            startup_timeout=config.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_TIMEOUT),
        )
        self.started = time.time()

    @property
    def shadow_share(self) -> float:
        """Share of this variant's requests that its shadow gets a copy of: the ratio of their weights, 1 at most."""
        if self.shadow is None or not self.shadow.weight:
            return 0.0
        return min(1.0, self.shadow.weight / self.weight) if self.weight else 1.0

    def summary(self) -> Record:
        """The variant as DescribeEndpoint shows it."""
        image = {
            "SpecifiedImage": self.process.image,
            "ResolvedImage": self.process.image,
            "ResolutionTime": self.started,
        }
        weights = {"CurrentWeight": self.weight, "DesiredWeight": self.weight}
        counts = {"CurrentInstanceCount": self.instances, "DesiredInstanceCount": self.instances}
        return {
            "VariantName": self.name,
            "DeployedImages": [image],
            **weights,
            **({} if self.instances is None else counts),
        }


class Fleet:
    """All variants of an endpoint configuration; a request is routed to production variants only.

    Raises:
        ValidationError: a model of the configuration is gone.
    """

    def __init__(self, endpoint: str, config: Record):
        self.config = config
        self.variants = {item["VariantName"]: Variant(endpoint, item) for item in config["ProductionVariants"]}
        shadows = config.get("ShadowProductionVariants", [])
        self.shadows = {item["VariantName"]: Variant(endpoint, item) for item in shadows}
        for production, shadow in zip(self.variants.values(), self.shadows.values(), strict=False):
            production.shadow = shadow

    @property
    def everything(self) -> dict[str, Variant]:
        """Production and shadow variants by name."""
        return {**self.variants, **self.shadows}

    def start(self) -> None:
        """Start every process and wait until all are healthy.

        Raises:
            StartFailed: with AWS's FailureReason; no process is left.
        """
        with ThreadPoolExecutor(len(self.everything)) as pool:
            reasons = list(pool.map(hooks.bound(self._start_one), self.everything.values()))
        if failed := [reason for reason in reasons if reason]:
            self.stop(grace=0.0)
            raise StartFailed(failed[0])

    def _start_one(self, variant: Variant) -> str | None:
        try:
            with acting_as(variant.role, "sagemaker.amazonaws.com"):
                containers.pull(variant.process.image)
                containers.measure("Endpoints")
                variant.process.start()
        except Refused as error:
            return f"Failed to start production variant {variant.name}: {error}"
        except StartFailed as error:
            if str(error):
                return f"Failed to start production variant {variant.name}: {error}"
            tail = "\n".join(variant.process.tail)
            return (
                f"The primary container for production variant {variant.name} did not pass the ping health check. "
                "Please check CloudWatch logs for this endpoint." + (f" The last lines were:\n{tail}" if tail else "")
            )[:1024]
        return None

    def stop(self, **options: Any) -> None:
        with ThreadPoolExecutor(len(self.everything)) as pool:
            list(pool.map(hooks.bound(lambda variant: variant.process.stop(**options)), self.everything.values()))

    def drain(self) -> None:
        """Wait for the requests that were routed here, then stop. Routes must have been taken away before."""
        deadline = time.monotonic() + _LONGEST_REQUEST
        while any(variant.in_flight for variant in self.everything.values()) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.stop()

    def pick(self) -> Variant:
        """A variant at random by the weights."""
        variants = list(self.variants.values())
        weights = [variant.weight for variant in variants]
        return random.choices(variants, weights)[0] if any(weights) else variants[0]


class Live:
    """What answers for one endpoint: fleets with their shares of the traffic (more than one during a deployment)."""

    def __init__(self, name: str):
        self.name = name
        self.account, self.region = hooks.account_id(), hooks.region()
        self.cancelled = threading.Event()
        # One deployment at a time; deleting waits for the one that is under way to give up.
        self.deploying = threading.Lock()
        self.capture: Record | None = None
        self._lock = threading.Lock()
        self._shares: list[tuple[float, Fleet]] = []

    @property
    def fleet(self) -> Fleet | None:
        """The fleet with the largest share, or None before the first."""
        return max(self._shares, key=lambda pair: pair[0])[1] if self._shares else None

    @property
    def fleets(self) -> list[Fleet]:
        return [fleet for _, fleet in self._shares]

    def shift(self, *shares: tuple[float, Fleet]) -> None:
        """Route new requests by these shares from now on."""
        with self._lock:
            self._shares = list(shares)

    @contextmanager
    def route(self, target: str | None) -> Iterator[Variant | None]:
        """The variant for one request, held against draining until the block ends; None while nothing runs yet.

        Raises:
            ValidationError: there is no variant of the name ``target``.
        """
        with self._lock:
            variant = self._choose(target)
            if variant:
                variant.in_flight += 1
        try:
            yield variant
        finally:
            if variant:
                with self._lock:
                    variant.in_flight -= 1

    def _choose(self, target: str | None) -> Variant | None:
        if not self._shares:
            return None
        fleets = [fleet for _, fleet in self._shares]
        fleet = random.choices(fleets, [share for share, _ in self._shares])[0] if len(fleets) > 1 else fleets[0]
        if target is None:
            return fleet.pick()
        if target not in fleet.variants:
            raise ValidationError(f"Variant {target} not found for request.", code="ValidationError")
        return fleet.variants[target]


LIVE: dict[tuple[str, str, str], Live] = {}


def live(name: str) -> Live | None:
    """The running side of an endpoint in the caller's account and region."""
    return LIVE.get((hooks.account_id(), hooks.region(), name))
