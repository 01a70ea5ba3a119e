"""Customers and terminals on a map, and which terminals each customer pays at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID = 100.0
"""Side of the square that customers and terminals live on."""


@dataclass(frozen=True)
class Population:
    """Customers and terminals, numbered from 0.

    `terminal_lists[offsets[c] : offsets[c + 1]]` are the terminals within reach of customer c.
    """

    mean_amount: np.ndarray
    daily_transactions: np.ndarray
    offsets: np.ndarray
    terminal_lists: np.ndarray
    terminals: int

    @classmethod
    def draw(cls, generator: np.random.Generator, customers: int, terminals: int, radius: float) -> Population:
        """Draw positions and habits: mean amounts in [5, 100], mean transactions a day in [0, 4]."""
        homes = generator.uniform(0, GRID, (customers, 2))
        mean_amount = generator.uniform(5, 100, customers)
        daily_transactions = generator.uniform(0, 4, customers)
        shops = generator.uniform(0, GRID, (terminals, 2))
        offsets, lists = within_reach(homes, shops, radius)
        return cls(mean_amount, daily_transactions, offsets, lists, terminals)

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.mean_amount)

    @property
    def reachable(self) -> np.ndarray:
        """Number of terminals within reach of each customer."""
        return np.diff(self.offsets)


def within_reach(homes: np.ndarray, shops: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (offsets, lists) of the shops nearer than `radius` to each home, in ascending order of number.

    Both arguments are positions of shape (n, 2) in [0, GRID]. Only shops in the same or an adjacent cell of
    a grid as wide as the radius are compared, so that memory stays small and time linear in the homes.
    """
    cells = max(1, int(GRID / radius))
    width = GRID / cells
    home_cell = _cells(homes, width, cells)
    shop_cell = _cells(shops, width, cells)
    by_cell: dict[int, np.ndarray] = {int(cell): np.flatnonzero(shop_cell == cell) for cell in np.unique(shop_cell)}
    found_homes, found_shops = [], []
    nothing = np.empty(0, dtype=np.int64)
    for cell in np.unique(home_cell):
        column, row = divmod(int(cell), cells)
        near = [
            by_cell.get(x * cells + y, nothing)
            for x in range(max(0, column - 1), min(cells, column + 2))
            for y in range(max(0, row - 1), min(cells, row + 2))
        ]
        candidates = np.sort(np.concatenate(near))
        residents = np.flatnonzero(home_cell == cell)
        for block in np.array_split(residents, max(1, len(residents) * len(candidates) // 2_000_000)):
            offset = homes[block, None, :] - shops[None, candidates, :]
            inside = (offset**2).sum(axis=2) < radius**2
            rows, columns = np.nonzero(inside)
            found_homes.append(block[rows])
            found_shops.append(candidates[columns].astype(np.int32))
    owner = np.concatenate(found_homes) if found_homes else nothing
    lists = np.concatenate(found_shops) if found_shops else nothing.astype(np.int32)
    order = np.argsort(owner, kind="stable")
    offsets = np.zeros(len(homes) + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=len(homes)), out=offsets[1:])
    return offsets, lists[order]


def _cells(positions: np.ndarray, width: float, cells: int) -> np.ndarray:
    numbers = np.minimum((positions / width).astype(np.int64), cells - 1)
    return numbers[:, 0] * cells + numbers[:, 1]
