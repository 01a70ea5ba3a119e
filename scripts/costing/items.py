"""A line of an estimate, and the prices it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.costing.templates import Resource
from scripts.costing.usage import Usage
from stacks import prices
from stacks.config import PlatformConfig


@dataclass(frozen=True)
class Item:
    """What a resource costs for one reason: USD a month, and the most it can cost where that is bounded above it."""

    group: str
    stack: str
    resource: str
    type: str
    what: str
    usd: float
    most: float
    price: str


class NoPriceError(LookupError):
    """There is no price of something; the message says where to give one."""


class Pricing:
    """Makes items of a resource; a price is one of stacks/prices.json, by its name."""

    def __init__(self, config: PlatformConfig, usage: Usage) -> None:
        self.config, self.usage = config, usage
        self._hourly: Mapping[str, float] = {**prices.hourly(), **config.retraining.hourly_usd}
        self._units = prices.services()

    def unit(self, name: str) -> float:
        """USD for one of what the price is for."""
        return self._units[name].usd

    def hour(self, instance_type: str) -> float:
        """USD for an hour of an instance; NoPriceError where the type has none."""
        if instance_type not in self._hourly:
            raise NoPriceError(f"no price is known of {instance_type}: give it as retraining.hourly_usd in cdk.json")
        return self._hourly[instance_type]

    def item(
        self, group: str, resource: Resource, what: str, quantity: float, price: str, *, most: float | None = None
    ) -> Item:
        """`quantity` units at a price; `most` is the largest quantity."""
        unit = self.hour(price) if price.startswith("ml.") else self.unit(price)
        upper = quantity if most is None else most
        usd, bound = quantity * unit, max(quantity, upper) * unit
        return Item(group, resource.stack, resource.name, resource.type, what, usd, bound, price)
