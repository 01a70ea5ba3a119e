"""Write data/payments.csv: simulated card payments under column names of no shipped event type.

Usage: python -m scripts.generate_samples   (the same bytes each time)
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import polars as pl

from fraud.simulation import LawSettings, Simulator

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "payments.csv"
LAW = LawSettings(customers=300, terminals=2000, days=42, start=date(2026, 6, 1), seed=7)


def payments(law: LawSettings = LAW) -> pl.DataFrame:
    """Simulated transactions as a bank's own export may name them, in the order of time."""
    simulated = pl.concat(day for day in Simulator(law).days()).sort("TX_DATETIME", "TRANSACTION_ID")
    return simulated.select(
        payment_id=pl.format("P{}", pl.col("TRANSACTION_ID").cast(pl.String).str.zfill(6)),
        authorised_at=pl.col("TX_DATETIME").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        customer=pl.format("C{}", pl.col("CUSTOMER_ID").cast(pl.String).str.zfill(4)),
        terminal=pl.format("T{}", pl.col("TERMINAL_ID").cast(pl.String).str.zfill(4)),
        amount=pl.col("TX_AMOUNT"),
        is_fraud=pl.col("TX_FRAUD"),
    )


def main() -> int:
    """Write the sample."""
    SAMPLE.parent.mkdir(exist_ok=True)
    table = payments()
    table.write_csv(SAMPLE)
    print(f"{SAMPLE.name}: {table.height:,} payments, {table['is_fraud'].sum():,} frauds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
