"""What the platform may cost, and when to say so."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stacks.config.base import Frozen


class BudgetConfig(Frozen):
    """A budget (AWS Budgets) of the platform's own costs, which only tells: nothing is stopped."""

    monthly_usd: float | None = Field(
        1000.0,
        gt=0,
        description="Costs of a calendar month at which its notifications count; null deploys no budget. "
        "`python -m scripts.estimate_cost` says what to expect.",
    )
    percents: tuple[Annotated[float, Field(ge=0.1, le=1000)], ...] = Field(
        (80, 100),
        min_length=1,
        max_length=4,
        description="Shares of it, in percent, that are told when they have been spent; a forecast of more than all of "
        "it is told as well.",
    )
