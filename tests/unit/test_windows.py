import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.features.windows import EntityEvents, Timeline, last_marked, next_marked, prefix_sums, range_maximum

SECOND = 1_000_000


@given(st.lists(st.integers(-50, 50)), st.data())
def test_range_maximum_equals_the_maximum_of_each_slice(values, data):
    values = np.array(values, dtype=np.int64)
    start = np.array([data.draw(st.integers(0, i)) for i in range(len(values))], dtype=np.int64)
    expected = [values[start[i] : i + 1].max() for i in range(len(values))]
    assert range_maximum(values, start).tolist() == expected


def test_marks_before_and_from_a_position():
    marks = np.array([False, True, False, True])
    assert last_marked(marks).tolist() == [-1, -1, 1, 1, 3]
    assert next_marked(marks).tolist() == [1, 1, 3, 3, 4]
    assert last_marked(marks[:0]).tolist() == [-1]


def test_prefix_sums_are_integers_and_exact():
    sums = prefix_sums(np.array([2**60, 1, -(2**60)]))
    assert sums.tolist() == [0, 2**60, 2**60 + 1, 1]


def test_a_window_is_open_at_its_old_end_and_holds_ties_in_order():
    instants = np.array([0, 10, 10, 20, 20]) * SECOND
    history = EntityEvents(Timeline(instants), np.array([7, 7, 7, 7, 3]))
    assert history.order.tolist() == [4, 0, 1, 2, 3]
    # An event exactly ten seconds old has left the window of ten seconds; another entity's never counts.
    assert history.start(10).tolist() == [0, 1, 2, 2, 4]
    assert history.start(11).tolist() == [0, 1, 1, 1, 2]
    assert history.start(0).tolist() == [0, 1, 2, 3, 4]
    assert history.first.tolist() == [0, 1, 1, 1, 1]
    assert history.scatter(np.array([0, 1, 2, 3, 4])).tolist() == [1, 2, 3, 4, 0]


def test_no_events_and_wrong_order():
    history = EntityEvents(Timeline(np.array([], dtype=np.int64)), np.array([], dtype=np.int64))
    assert history.start(5).tolist() == []
    with pytest.raises(ValueError, match="ascend"):
        Timeline(np.array([2, 1]))
