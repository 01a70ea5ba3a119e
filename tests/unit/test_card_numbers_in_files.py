"""Files with raw card numbers do not leave the operator's machine."""

import polars as pl
import pytest

from fraud import event_types
from fraud.data.card_numbers import card_number_faults
from scripts.retraining.errors import InputError
from scripts.retraining.selection import refuse_card_numbers

EVENT_TYPE = event_types.load("card-transactions")
CARD = 4111111111111111


def _faults(folder, name="data.parquet", rows=300, **columns):
    frame = pl.DataFrame({"TX_AMOUNT": [1.5] * rows, **columns})
    path = folder / name
    frame.write_csv(path) if name.endswith("csv") else frame.write_parquet(path)
    return card_number_faults([path], EVENT_TYPE)


@pytest.mark.parametrize("name", ["data.parquet", "data.csv"])
@pytest.mark.parametrize("card", [CARD, float(CARD), f"x {CARD}", "4111-1111 1111-1111", "\uff14" + "\uff11" * 15])
def test_one_card_number_in_any_column_is_found(tmp_path, name, card):
    values = [None] * 300
    values[7] = card
    (fault,) = _faults(tmp_path, name, note=values)
    assert "column note: 1 value(s)" in fault and "row 8" in fault and "1111" not in fault


def test_names_of_columns_and_files_and_nested_values_are_looked_at(tmp_path):
    assert "name of column 2" in _faults(tmp_path, **{f"n{CARD}": [0] * 300})[0]
    assert "a file's name" in _faults(tmp_path, f"{CARD}.parquet")[0]
    nested = [{"pan": [str(CARD)]}] + [{"pan": []}] * 299
    assert "column note" in _faults(tmp_path, "nested.parquet", note=nested)[0]


def test_long_numbers_that_pass_the_check_by_chance_alone_are_left_alone(tmp_path):
    ids = [10**15 + 7919 * 10**6 * number + number for number in range(300)]
    assert _faults(tmp_path, trace=ids, text=[f"{value:019d}" for value in ids]) == []
    mixed = ids[:200] + [4111111111110000 + rest for rest in range(100)]
    assert _faults(tmp_path, "chance.parquet", trace=mixed) == []


def test_cards_among_tokens_are_more_than_chance(tmp_path):
    cards = [str(value) for value in range(4000000000000002, 4000000000009000) if _passes(value)][:100]
    (fault,) = _faults(tmp_path, card=cards + [str(10**15 + 7919 * number) for number in range(200)])
    assert "column card" in fault


def test_times_are_no_cards(tmp_path):
    assert _faults(tmp_path, TX_DATETIME=[CARD] * 300) == []


def test_an_upload_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(f"CUSTOMER_ID\n{CARD}\n")
    with pytest.raises(InputError, match=r"CUSTOMER_ID.*tokens"):
        refuse_card_numbers([path], EVENT_TYPE)


def _passes(value):
    from fraud.cards import is_card_number

    return is_card_number(str(value))
