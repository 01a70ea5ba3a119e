"""The law of the Fraud Detection Handbook (Université Libre de Bruxelles and Worldline), chapter 3.

Customers pay at terminals near them; amounts, frequency and time of day follow simple distributions. Three
kinds of fraud: large amounts, compromised terminals, and compromised customers whose amounts are multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from fraud.simulation.population import Population

DAY_SECONDS = 86_400
_POPULATION, _TRANSACTIONS, _TERMINALS, _CUSTOMERS = range(4)


@dataclass(frozen=True)
class LawSettings:
    """Size, dates and seed of a simulation; what follows the seed are the law's own constants."""

    customers: int = 5_000
    terminals: int = 10_000
    days: int = 122
    start: date = date(2018, 4, 1)
    seed: int = 0
    radius: float = 5.0
    time_deviation: float = 20_000.0
    large_amount: float = 220.0
    terminals_compromised_daily: int = 2
    terminal_compromise_days: int = 28
    customers_compromised_daily: int = 3
    customer_compromise_days: int = 14
    customer_fraud_share: float = 1 / 3
    amount_factor: float = 5.0

    def __post_init__(self) -> None:
        for name in ("customers", "terminals", "days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} must be at least 1")
        if self.seed < 0:
            raise ValueError(f"seed: {self.seed} must not be negative")
        if not 0 < self.radius <= 100:
            raise ValueError(f"radius: {self.radius} must be above 0 and at most 100")


class Simulator:
    """Transactions day by day: each day depends on the settings alone, not on the days made before it."""

    def __init__(self, settings: LawSettings) -> None:
        self.settings = settings
        self.population = Population.draw(
            self._generator(_POPULATION), settings.customers, settings.terminals, settings.radius
        )

    def days(self) -> Iterator[pl.DataFrame]:
        """Yield the transactions of each day in order of time, numbered through."""
        next_id = 0
        for day in range(self.settings.days):
            frame = self.day(day, next_id)
            next_id += len(frame)
            yield frame

    def day(self, day: int, first_id: int = 0) -> pl.DataFrame:
        """Return one day's transactions (day 0 is the start), numbered from `first_id`."""
        settings, people = self.settings, self.population
        generator = self._generator(_TRANSACTIONS, day)
        count = generator.poisson(people.daily_transactions)
        customer = np.repeat(np.arange(people.customers), count)
        second = np.trunc(generator.normal(DAY_SECONDS / 2, settings.time_deviation, len(customer))).astype(np.int64)
        amount = self._amounts(generator, people.mean_amount[customer])
        choice = generator.random(len(customer))
        happens = (second > 0) & (second < DAY_SECONDS) & (people.reachable[customer] > 0)
        customer, second, amount, choice = (array[happens] for array in (customer, second, amount, choice))
        place = people.offsets[customer] + (choice * people.reachable[customer]).astype(np.int64)
        terminal = people.terminal_lists[place].astype(np.int64)
        scenario, amount = self._commit_fraud(generator, day, customer, terminal, amount)
        order = np.argsort(second, kind="stable")
        midnight = datetime.combine(settings.start + timedelta(days=day), datetime.min.time())
        return pl.DataFrame(
            {
                "TRANSACTION_ID": np.arange(first_id, first_id + len(order)),
                "TX_DATETIME": second[order] * 1_000_000,
                "CUSTOMER_ID": customer[order],
                "TERMINAL_ID": terminal[order],
                "TX_AMOUNT": amount[order],
                "TX_TIME_SECONDS": second[order] + day * DAY_SECONDS,
                "TX_TIME_DAYS": np.full(len(order), day),
                "TX_FRAUD": (scenario > 0)[order].astype(np.int64),
                "TX_FRAUD_SCENARIO": scenario[order],
            }
        ).with_columns((pl.lit(midnight) + pl.col("TX_DATETIME").cast(pl.Duration("us"))).alias("TX_DATETIME"))

    def _amounts(self, generator: np.random.Generator, mean: np.ndarray) -> np.ndarray:
        amount = generator.normal(mean, mean / 2)
        negative = amount < 0
        amount[negative] = generator.uniform(0, 2 * mean[negative])
        return amount.round(2)

    def _commit_fraud(
        self,
        generator: np.random.Generator,
        day: int,
        customer: np.ndarray,
        terminal: np.ndarray,
        amount: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return scenario (0 genuine, 1 to 3) and amount of each transaction; later scenarios win."""
        settings = self.settings
        scenario = np.where(amount > settings.large_amount, 1, 0)
        since = max(0, day - settings.terminal_compromise_days + 1)
        drawn = [
            self._drawn(_TERMINALS, start, settings.terminals, settings.terminals_compromised_daily)
            for start in range(since, day + 1)
        ]
        scenario[np.isin(terminal, np.concatenate(drawn))] = 2
        since = max(0, day - settings.customer_compromise_days + 1)
        drawn = [
            self._drawn(_CUSTOMERS, start, settings.customers, settings.customers_compromised_daily)
            for start in range(since, day + 1)
        ]
        amount = amount.copy()
        candidates = np.flatnonzero(np.isin(customer, np.concatenate(drawn)))
        for customers in drawn:
            theirs = candidates[np.isin(customer[candidates], customers)]
            taken = theirs[generator.random(len(theirs)) < settings.customer_fraud_share]
            amount[taken] = (amount[taken] * settings.amount_factor).round(2)
            scenario[taken] = 3
        return scenario, amount

    def _drawn(self, purpose: int, day: int, population: int, number: int) -> np.ndarray:
        return self._generator(purpose, day).choice(population, min(number, population), replace=False)

    def _generator(self, purpose: int, day: int = 0) -> np.random.Generator:
        """Random numbers of their own for each purpose and day, whatever is drawn elsewhere."""
        return np.random.default_rng([self.settings.seed, purpose, day])
