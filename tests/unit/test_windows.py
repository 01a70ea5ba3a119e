"""Windows as positions in arrays."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fraud.event_types import Window
from fraud.features.keys import grouped
from fraud.features.thresholds import bucket_width, span_of
from fraud.features.windows import DistinctCounter, EntityEvents, RangeMaximum, prefix_sums, range_maximum

SECOND = 1_000_000


@given(st.lists(st.integers(-50, 50), min_size=1), st.data())
def test_range_maximum_equals_the_maximum_of_each_slice(values, data):
    values = np.array(values, dtype=np.int64)
    start = np.array([data.draw(st.integers(0, i)) for i in range(len(values))], dtype=np.int64)
    expected = [values[start[i] : i + 1].max() for i in range(len(values))]
    assert range_maximum(values, start).tolist() == expected
    assert RangeMaximum(values)(start, np.arange(len(values)) + 1).tolist() == expected


def test_prefix_sums_are_integers_and_exact():
    sums = prefix_sums(np.array([2**60, 1, -(2**60)]))
    assert sums.tolist() == [0, 2**60, 2**60 + 1, 1]


def test_a_sliding_window_is_open_at_its_old_end_and_holds_ties_in_order():
    instants = np.array([0, 10, 10, 20, 20]) * SECOND
    events = EntityEvents(np.array([4, 1]), instants)
    # An event exactly ten seconds old has left the window of ten seconds; another entity's never counts.
    assert events.at_or_after(span_of(Window("10s", 10), "sliding").start).tolist() == [0, 1, 1, 3, 4]
    assert events.at_or_after(span_of(Window("11s", 11), "sliding").start).tolist() == [0, 0, 0, 1, 4]
    assert events.first.tolist() == [0, 0, 0, 0, 4]


def test_events_are_grouped_by_key_in_order_and_those_without_one_alone():
    order, counts = grouped(pl.Series(["b", None, "a", "b", None, "b"]))
    groups = [group.tolist() for group in np.split(order, np.cumsum(counts)[:-1])]
    assert sorted(groups) == [[0, 3, 5], [1], [2], [4]]
    assert [len(array) for array in grouped(pl.Series([], dtype=pl.String))] == [0, 0]


def test_bucketed_windows_end_with_the_current_bucket():
    span = span_of(Window("1h", 3600), "bucketed")
    assert (span.width, span.buckets) == (120 * SECOND, 30)
    assert span.start(7199 * SECOND) == 3600 * SECOND
    assert span.start(7200 * SECOND) == 3720 * SECOND
    # What became known in the current bucket counts in the next one.
    assert (span.known_start(7199 * SECOND), span.known_stop(7199 * SECOND)) == (3480 * SECOND, 7080 * SECOND)


def test_bucket_widths_divide_the_window():
    widths = {60: 60, 3600: 120, 86_400: 3600, 7 * 86_400: 21_600, 30 * 86_400: 86_400, 90 * 86_400: 2 * 86_400}
    assert {window: bucket_width(window) for window in widths} == widths


def test_the_clock_of_an_entity_never_runs_back():
    events = EntityEvents(np.array([3, 2]), np.array([50, 20, 60, 10, 5]))
    assert events.instants.tolist() == [50, 50, 60, 10, 10]


def test_no_events():
    events = EntityEvents(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    assert events.at_or_after(span_of(Window("1h", 3600), "sliding").start).tolist() == []


@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(0, 3), st.integers(-1, 3)), min_size=1, max_size=40),
    st.integers(1, 12),
)
def test_distinct_counts_equal_those_of_sets(rows, length):
    entity, gaps, codes = (np.array(column) for column in zip(*rows, strict=True))
    instants = np.cumsum(gaps)
    order, counts = grouped(pl.Series(entity))
    events = EntityEvents(counts, instants[order])
    start = events.at_or_after(lambda instant: instant - length + 1)
    found = np.empty(len(rows), dtype=np.int64)
    found[order] = DistinctCounter(events, codes[order])(start)
    for now in range(len(rows)):
        seen = {
            codes[row]
            for row in range(now + 1)
            if entity[row] == entity[now] and instants[row] > instants[now] - length
        }
        assert found[now] == len(seen - {-1})
