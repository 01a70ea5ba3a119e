"""Statistics equal to Deequ's bit for bit, merged states, and memory that does not grow with the rows."""

import hashlib
import json
import math
import pickle
import random
import tracemalloc

import numpy as np
import polars as pl
import pytest

from fraud.monitoring.column import ColumnState
from fraud.monitoring.hyperloglog import HyperLogLog
from fraud.monitoring.kll import KllSketch
from fraud.monitoring.moments import Moments
from fraud.monitoring.reading import streams
from fraud.monitoring.reading.csv_files import read_csv
from fraud.monitoring.reading.issues import Issues
from fraud.monitoring.scan import scan_csv, scan_parquet
from fraud.monitoring.table import TableState
from fraud.monitoring.xxhash64 import hash_texts, hash_words
from tests.unit import deequ_tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Folder of the tables that Deequ was run on."""
    folder = tmp_path_factory.mktemp("deequ")
    for name in deequ_tables.SMALL:
        (folder / name).write_bytes((deequ_tables.FOLDER / name).read_bytes())
    deequ_tables.make(folder)
    return folder


def _as_deequ_says(column):
    said = {"inferred_type": column.inferred_type, "distinct": column.distinct, "completeness": column.completeness}
    if column.is_numeric:
        kll = column.sketch.to_json()
        data = kll["sketch"]["data"]
        return said | {
            "mean": column.mean,
            "sum": column.sum,
            "std_dev": column.deviation,
            "min": column.low,
            "max": column.high,
            "buckets": [[bucket["lower_bound"], bucket["upper_bound"], bucket["count"]] for bucket in kll["buckets"]],
            "levels": [len(level) for level in data],
            "sketch_sha256": hashlib.sha256(json.dumps(data).encode()).hexdigest(),
        }
    if column.categories:
        said["categories"] = [list(item) for item in column.categories.items()]
    return said


@pytest.mark.parametrize("name", list(deequ_tables.deequ()))
def test_every_statistic_equals_deequs(tables, name):
    """Odd texts, quotes and encodings; one file and several, which Spark reads in two partitions."""
    expected = deequ_tables.deequ()[name]
    files = sorted((tables / name).iterdir()) if (tables / name).is_dir() else [tables / name]
    profile = scan_csv(files, header=True).profile
    assert profile.rows == expected["rows"]
    assert {column.name: _as_deequ_says(column) for column in profile.columns} == expected["columns"]


@pytest.mark.parametrize("name", [name for name, table in deequ_tables.deequ().items() if "data" in table])
def test_rows_of_csv_are_sparks(tables, name):
    rows = [list(row) for frame in read_csv(tables / name, True, Issues()) for row in frame.rows()]
    assert rows == deequ_tables.deequ()[name]["data"]


def test_columns_shared_out_to_processes_give_the_same(tables):
    alone = scan_csv([tables / "big.csv"], True, processes=1)
    shared = scan_csv([tables / "big.csv"], True, processes=2)
    assert shared.profile.to_json() == alone.profile.to_json()
    assert shared.issues == alone.issues


def test_small_blocks_give_the_same_as_one(tables, monkeypatch):
    whole = scan_csv([tables / "odd.csv"], True).profile.to_json()
    plain = streams.blocks
    for size in (7, 64, 1000):
        monkeypatch.setattr(
            "fraud.monitoring.reading.csv_files.blocks", lambda path, issues, n=size: plain(path, issues, n)
        )
        assert scan_csv([tables / "odd.csv"], True).profile.to_json() == whole


def test_hashes_are_xxhash64_with_seed_42():
    # What the reference implementation gives, of every length class.
    expected = {
        "": 0x98B1582B0977E704,
        "a": 0x88E4FE59ADF7B0CC,
        "abc": 0x13C1D910702770E6,
        "Nobody inspects the spammish repetition": 0x44582824CA1018B5,
        "x" * 31: 0xE82DE6C821DF41DE,
        "x" * 32: 0x1209BCC9FA7C79F8,
        "x" * 100: 0x513559782E486C7,
        "é" * 9: 0xA28B6FB4A84EBDBF,
    }
    assert hash_texts(pl.Series(list(expected))).tolist() == list(expected.values())
    assert hash_words(np.array([1], np.int64)).tolist() == [0x9ED50FD59358D232]
    assert hash_words(np.array([1], np.int32)).tolist() == [0xA309B38455455929]


def test_distinct_counts_are_near_and_merge_exactly():
    values = pl.Series([str(number) for number in range(200_000)])
    whole, parts = HyperLogLog(), [HyperLogLog(), HyperLogLog()]
    whole.update(hash_texts(values))
    for part, half in zip(parts, (values[:150_000], values[100_000:]), strict=True):
        part.update(hash_texts(half))
    parts[0].merge(parts[1])
    assert parts[0].estimate() == whole.estimate()
    assert whole.estimate() == pytest.approx(200_000, rel=0.15)
    assert HyperLogLog().estimate() == 0


def test_sketch_takes_values_in_runs_as_it_takes_them_one_by_one():
    values = np.random.default_rng(0).normal(size=30_000)
    at_once, singly, uneven = KllSketch(), KllSketch(), KllSketch()
    at_once.update(values)
    for value in values[:9000]:
        singly.update(np.array([value]))
    singly.update(values[9000:])
    start = 0
    while start < len(values):
        size = int(values[start] * 1000) % 5000 + 1
        uneven.update(values[start : start + size])
        start += size
    assert at_once.levels() == singly.levels() == uneven.levels()
    points, weights = at_once.points()
    assert weights.sum() == len(values)
    ranks = np.searchsorted(np.sort(values), points, side="right")
    assert np.abs(np.cumsum(weights) - ranks).max() < 0.01 * len(values)


def test_negative_zero_sorts_below_zero_as_in_java():
    sketch = KllSketch()
    sketch.update(np.array([0.0, -0.0] * 1026)[:2051])
    level = sketch.levels()[1]
    assert [math.copysign(1, value) for value in level] == [-1.0] * 513 + [1.0] * 512


def test_merged_states_describe_all_rows():
    random_numbers = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "number": [repr(value) for value in random_numbers.gamma(2, 3, 5000)],
            "whole": [str(value) for value in random_numbers.integers(-5, 5000, 5000)],
            "text": random_numbers.choice(["a", "b", "c"], 5000),
        }
    )
    whole, first = TableState().update_all(iter([frame])), TableState().update_all(iter([frame[:1700]]))
    rest = TableState().update_all(iter([frame[1700:4000], frame[4000:]]))
    # A state travels between processes.
    first.merge(pickle.loads(pickle.dumps(rest)))
    one, other = whole.describe(), first.describe()
    for mine, theirs in zip(one.columns, other.columns, strict=True):
        for name in ("present", "missing", "kinds", "distinct", "low", "high", "categories", "numbers", "negative"):
            assert getattr(mine, name) == getattr(theirs, name)
        assert theirs.sum == pytest.approx(mine.sum, rel=1e-12)
        assert theirs.deviation == pytest.approx(mine.deviation, rel=1e-12)
    assert one.columns[1].sum == other.columns[1].sum


def test_columns_that_come_and_go_have_missing_values_elsewhere():
    table = TableState()
    table.update(pl.DataFrame({"a": ["1", "2"]}))
    table.update(pl.DataFrame({"b": ["x"], "a": ["3"]}))
    table.update(pl.DataFrame({"b": ["y", "z"]}))
    profile = table.describe()
    assert profile.rows == 5
    assert {column.name: (column.present, column.missing) for column in profile.columns} == {"a": (3, 2), "b": (3, 2)}


def test_sums_of_whole_numbers_are_exact_and_overflow_as_in_java():
    state = ColumnState("n")
    state.update(pl.Series([str(2**53 + 1), "-1", str(2**63 - 1), "99999999999999999999"]))
    assert state.moments.sum(True) == float((2**53 + 2**63 - 1 + 2**63) % 2**64 - 2**63)
    assert state.uncastable == 1
    assert Moments().deviation() != Moments().deviation()


def test_typed_columns_are_hashed_by_their_bits(tmp_path):
    frame = pl.DataFrame(
        {
            "double": [0.5, float("nan"), float("inf"), None, -1.0, 2.5],
            "long": [1, 2, 3, None, 5, 6],
            "bool": [True, False, None, True, True, False],
            "text": ["a", "b", None, "a", "é", ""],
            "date": pl.Series(range(6)).cast(pl.Date),
        }
    )
    frame.write_parquet(tmp_path / "data.parquet")
    columns = {column.name: column for column in scan_parquet([tmp_path / "data.parquet"]).profile.columns}
    assert {name: (c.inferred_type, c.present, c.distinct) for name, c in columns.items()} == {
        "double": ("Fractional", 4, 4),
        "long": ("Integral", 5, 5),
        "bool": ("String", 5, 2),
        "text": ("String", 5, 4),
        "date": ("String", 6, 6),
    }
    assert columns["double"].anomalies == {"infinite": 1, "not_numbers": 1}
    assert columns["double"].mean == pytest.approx(2 / 3)
    json.dumps(columns["double"].to_json(), allow_nan=False)


def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    plain = streams.blocks
    monkeypatch.setattr("fraud.monitoring.reading.csv_files.blocks", lambda path, issues: plain(path, issues, 1 << 18))
    r = random.Random(0)
    lines = [f"{r.random()},{r.randrange(10**9):x}\n" for _ in range(20_000)]

    def peak(times: int) -> int:
        path = tmp_path / f"{times}.csv"
        path.write_text("number,text\n" + "".join(lines) * times)
        tracemalloc.start()
        scan_csv([path], True, processes=1)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(8) < 1.3 * peak(2)
