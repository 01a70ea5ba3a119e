"""Profiles made of a history at once let the online engine go on as if it had seen every event."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.check_agreement import disturbed, replay
from fraud import event_types
from fraud.event_types import EventType
from fraud.features.online import ProfileKey
from fraud.features.profiles import build, count
from fraud.simulation import LawSettings, Simulator
from tests.unit.test_feature_agreement import EVERYTHING, MODES, _histories


def _same_after(events: pl.DataFrame, event_type: EventType, known: int) -> bool:
    """Whether features after `known` events are the same from built profiles as from all events one by one."""
    built = {ProfileKey(entity, value): content for entity, value, content in build(events.head(known), event_type)}
    assert len(built) == count(events.head(known), event_type)
    expected = list(replay(events, event_type))[known:]
    found = list(replay(events.slice(known), event_type, built))
    return repr(found) == repr(expected)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=80, deadline=None)
@given(events=_histories(), share=st.floats(0, 1))
def test_any_history_continues_the_same(mode, events, share):
    assert _same_after(events, replace(EVERYTHING, window_mode=mode), int(share * len(events)))


@pytest.mark.parametrize("mode", MODES)
def test_payments_with_late_labels_and_arrivals_continue_the_same(mode):
    days = Simulator(LawSettings(customers=40, terminals=80, days=60, seed=7)).days()
    events = pl.concat(list(days)).sort("TX_DATETIME", maintain_order=True)
    event_type = replace(event_types.load("card-transactions"), window_mode=mode)
    events, event_type = disturbed(events, event_type, late=0.3, shuffle=0.1)
    assert events[event_type.label].sum() > 20
    assert _same_after(events, event_type, len(events) * 2 // 3)
