"""The simulation: reproducible, its constants honoured, and statistically the published data set."""

import re
from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraud import event_types
from fraud.simulation import LawSettings, Simulator, write_partitions
from fraud.simulation.population import within_reach
from scripts import simulate

SMALL = LawSettings(customers=200, terminals=300, days=40, start=date(2024, 2, 15), seed=7)


@pytest.fixture(scope="module")
def small():
    return pl.concat(Simulator(SMALL).days())


def test_a_seed_gives_the_same_transactions_whatever_the_files(tmp_path, small):
    for rows in (1, 3_000, 10**9):
        folder = tmp_path / str(rows)
        assert write_partitions(Simulator(SMALL).days(), folder, rows) == len(small)
        files = sorted(folder.rglob("*.parquet"))
        assert_frame_equal(pl.concat([pl.read_parquet(file, hive_partitioning=False) for file in files]), small)
    assert [file.parent.name for file in files] == ["month=2024-02", "month=2024-03"]


def test_a_day_can_be_made_without_those_before_it(small):
    day = small.filter(pl.col("TX_TIME_DAYS") == 31)
    assert_frame_equal(Simulator(SMALL).day(31, day["TRANSACTION_ID"][0]), day)


def test_another_seed_gives_other_transactions(small):
    other = LawSettings(**{**vars(SMALL), "seed": 8})
    assert not Simulator(other).day(0).equals(small.filter(pl.col("TX_TIME_DAYS") == 0))


def test_columns_are_those_of_the_card_transactions_event_type(small):
    event_type = event_types.match(small.columns)
    assert event_type.name == "card-transactions"
    assert set(small.columns) == {*event_type.required_columns, *event_type.drop}
    assert small["TX_DATETIME"].is_sorted()
    assert small["TRANSACTION_ID"].to_list() == list(range(len(small)))
    seconds = (small["TX_DATETIME"] - pl.Series([SMALL.start]).cast(pl.Datetime("us"))[0]).dt.total_seconds()
    assert (seconds == small["TX_TIME_SECONDS"]).all()
    assert (small["TX_TIME_SECONDS"] // 86_400 == small["TX_TIME_DAYS"]).all()


def test_frauds_keep_the_law(small):
    scenario = small["TX_FRAUD_SCENARIO"]
    assert ((scenario > 0) == (small["TX_FRAUD"] == 1)).all()
    genuine = small.filter(scenario == 0)
    assert genuine["TX_AMOUNT"].max() <= 220
    assert small.filter(scenario == 1)["TX_AMOUNT"].min() > 220
    assert genuine["TX_AMOUNT"].min() >= 0
    # A compromised terminal is compromised for all: no genuine payment on a day with scenario 2 there.
    days = small.filter(scenario == 2).select("TERMINAL_ID", "TX_TIME_DAYS").unique()
    assert genuine.join(days, on=["TERMINAL_ID", "TX_TIME_DAYS"]).is_empty()


def test_terminals_within_reach_are_those_nearer_than_the_radius():
    generator = np.random.default_rng(3)
    homes, shops = generator.uniform(0, 100, (150, 2)), generator.uniform(0, 100, (400, 2))
    for radius in (5.0, 7.3, 60.0, 100.0):
        offsets, lists = within_reach(homes, shops, radius)
        distance = np.hypot(*(homes[:, None, :] - shops[None, :, :]).transpose(2, 0, 1))
        for home in range(len(homes)):
            expected = np.flatnonzero(distance[home] < radius)
            assert lists[offsets[home] : offsets[home + 1]].tolist() == expected.tolist()


def test_customers_without_a_terminal_pay_nothing():
    lonely = Simulator(LawSettings(customers=50, terminals=1, days=2, seed=1))
    reachable = set(np.flatnonzero(lonely.population.reachable))
    assert set(lonely.day(0)["CUSTOMER_ID"]) <= reachable
    assert len(reachable) < 50


@pytest.mark.parametrize("change", [{"customers": 0}, {"terminals": 0}, {"days": 0}, {"seed": -1}, {"radius": 0.0}])
def test_settings_out_of_range_are_named(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        LawSettings(**change)


def test_a_failure_leaves_nothing_half_written(tmp_path):
    def broken():
        yield Simulator(SMALL).day(0)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_partitions(broken(), tmp_path / "out", 1)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_files_and_refuses_to_overwrite(tmp_path, capsys):
    flags = ["--customers", "50", "--terminals", "60", "--days", "3", "--out", str(tmp_path / "out")]
    assert simulate.main(flags) == 0
    written = pl.read_parquet(tmp_path / "out" / "**" / "*.parquet")
    assert f"{len(written):,} transactions" in capsys.readouterr().err
    assert simulate.main(flags) == 1
    assert re.search("not\\s+empty", capsys.readouterr().err)
    assert simulate.main([*flags[:-1], str(tmp_path / "other"), "--days", "0"]) == 1
    assert "days: 0 must be at least 1" in capsys.readouterr().err


def _profile(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """What the law fixes, measured on transactions of many days."""
    scenario = pl.col("TX_FRAUD_SCENARIO")
    genuine = frame.filter(scenario == 0)
    reach = frame.group_by("CUSTOMER_ID").agg(pl.col("TERMINAL_ID").n_unique(), pl.len()).filter(pl.col("len") > 250)
    usual = genuine.group_by("CUSTOMER_ID").agg(pl.col("TX_AMOUNT").mean().alias("usual"), pl.len())
    inflated = frame.filter(scenario == 3).join(usual.filter(pl.col("len") > 50), on="CUSTOMER_ID")

    def spells(number: int, key: str) -> pl.Series:
        day = pl.col("TX_TIME_DAYS")
        spell = frame.filter(scenario == number).group_by(key).agg((day.max() - day.min()).alias("s"), pl.len())
        return spell.filter(pl.col("len") >= 10)["s"]

    return {
        "rows a day": len(frame) / frame["TX_TIME_DAYS"].n_unique(),
        "amounts": genuine["TX_AMOUNT"].to_numpy(),
        "times": (frame["TX_TIME_SECONDS"] % 86_400).to_numpy(),
        "largest genuine amount": genuine["TX_AMOUNT"].max(),
        "smallest scenario 1 amount": frame.filter(scenario == 1)["TX_AMOUNT"].min(),
        "terminals a customer": reach["TERMINAL_ID"].mean(),
        "scenario 2 share": (frame["TX_FRAUD_SCENARIO"] == 2).mean(),
        "scenario 3 share": (frame["TX_FRAUD_SCENARIO"] == 3).mean(),
        "scenario 2 days": spells(2, "TERMINAL_ID").median(),
        "scenario 3 days": spells(3, "CUSTOMER_ID").median(),
        "scenario 3 amount factor": (inflated["TX_AMOUNT"] / inflated["usual"]).mean(),
    }


_TOLERANCES = {
    # Relative: about four standard deviations between two populations of 5,000 customers.
    "rows a day": 0.045,
    "terminals a customer": 0.03,
    "scenario 2 share": 0.12,
    "scenario 3 share": 0.14,
    "scenario 3 amount factor": 0.05,
    # Exact or nearly so.
    "largest genuine amount": 0.005,
    "smallest scenario 1 amount": 0.005,
    "scenario 2 days": 0.045,
    "scenario 3 days": 0.1,
}


def _differences(simulated: dict, reference: dict) -> list[str]:
    found = [
        f"{name}: {simulated[name]:.4g} instead of {reference[name]:.4g}"
        for name, tolerance in _TOLERANCES.items()
        if abs(simulated[name] / reference[name] - 1) > tolerance
    ]
    for name, tolerance in {"amounts": 0.03, "times": 0.003}.items():
        distance = _kolmogorov_smirnov(simulated[name], reference[name])
        if distance > tolerance:
            found.append(f"{name}: distributions differ by {distance:.4f}")
    return found


def _kolmogorov_smirnov(one: np.ndarray, other: np.ndarray) -> float:
    one, other = np.sort(one), np.sort(other)
    grid = np.quantile(other, np.linspace(0, 1, 1001))
    shares = [np.searchsorted(values, grid, side="right") / len(values) for values in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


@pytest.fixture(scope="module")
def reference(shared_data):
    return _profile(pl.read_parquet(shared_data / "handbook_visible_apr_jul.parquet"))


@pytest.mark.reference_data
@pytest.mark.parametrize("seed", [0, 1])
def test_the_simulation_resembles_the_published_transactions(reference, seed):
    simulated = _profile(pl.concat(Simulator(LawSettings(seed=seed)).days()))
    assert _differences(simulated, reference) == []


@pytest.mark.reference_data
@pytest.mark.parametrize(
    "changes",
    [
        {
            "radius": (5.4, "terminals a customer"),
            "time_deviation": (21_000.0, "times"),
            "large_amount": (225.0, "largest genuine amount"),
            "terminal_compromise_days": (30, "scenario 2 days"),
            "customers_compromised_daily": (4, "scenario 3 share"),
            "amount_factor": (4.5, "scenario 3 amount factor"),
        },
        {"customer_compromise_days": (17, "scenario 3 days"), "terminals_compromised_daily": (3, "scenario 2 share")},
        {"customer_fraud_share": (0.42, "scenario 3 share")},
    ],
)
def test_a_wrong_law_would_be_noticed(reference, changes):
    wrong = LawSettings(seed=1, **{name: value for name, (value, _) in changes.items()})
    differences = _differences(_profile(pl.concat(Simulator(wrong).days())), reference)
    for _, seen in changes.values():
        assert any(difference.startswith(seen) for difference in differences), seen
