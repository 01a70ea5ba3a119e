"""Card numbers are found wherever they hide, and tokens say nothing."""

import pytest

from fraud.cards import find_card_number, hide_card_numbers, holds_card_number, is_card_number, tokenise

NUMBERS = ["4111111111111111", "378282246310005", "6011111111111117", "4222222222222", "6304000000000000000"]


@pytest.mark.parametrize("number", NUMBERS)
def test_card_numbers_are_told_by_their_check_digit(number):
    assert is_card_number(number)
    assert not is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize("text", ["{}", "my card {} please", "x{}y", "-{}", "({})"])
@pytest.mark.parametrize("separator", ["", " ", "-", ".", "_", "/", "\t", " - ", "\u00a0", "\u2013", "\u200b"])
def test_they_are_found_among_words_and_with_separators(text, separator):
    number = separator.join(["4111", "1111", "1111", "1111"])
    assert holds_card_number(text.format(number))


@pytest.mark.parametrize("zero", ["\uff10", "\u0660", "\u0966"])
def test_digits_of_every_script_count(zero):
    assert holds_card_number("".join(chr(ord(zero) + int(digit)) for digit in NUMBERS[0]))


@pytest.mark.parametrize(
    "text",
    [
        "\uff14" + "\uff11" * 15,  # full width
        "\u0664" + "\u0661" * 15,  # Arabic
        "\U0001d7d2" + "\U0001d7cf" * 15,  # bold
        "4111\u200b1111\u200d1111\u00ad1111",
        "4111\u20141111 \u2012 1111\u20031111",
        "4111\t1111\n1111/1111",
        "4.111111111111111e15",
    ],
)
def test_other_scripts_and_invisible_separators_hide_nothing(text):
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text", ["", "2026-01-31T12:00:00.123456Z", "1234", "0000000000000", "4111111111111112", "ab" * 40]
)
def test_other_texts_are_left_alone(text):
    assert not holds_card_number(text)


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"a": "4111111111111111"}, "a"),
        ({"a": {"b": [0, 4111111111111111]}}, "a.b.1"),
        ({"a": 4111111111111111.0}, "a"),
        ({"a": -4111111111111111}, "a"),
        ({"4111111111111111": 1}, "(a field's name)"),
        ("4111111111111111", ""),
        ({"a": True, "b": None, "c": 1.5, "t": 4111111111111111}, None),
    ],
)
def test_the_place_is_named_without_the_number(payload, path):
    assert find_card_number(payload, {"t"}) == path


@pytest.mark.parametrize("separator", ["", " ", "-"])
def test_they_are_hidden_and_the_rest_of_a_text_is_kept(separator):
    card = separator.join(("4111", "1111", "1111", "1111"))
    assert hide_card_numbers(f"order 1234567890123456: no {card}, {card}") == (
        "order 1234567890123456: no [card number], [card number]"
    )


def test_tokens_are_equal_for_equal_cards_and_differ_by_key():
    token = tokenise("4111 1111-1111 1111", b"k" * 16)
    assert token == tokenise("4111111111111111", b"k" * 16) != tokenise("4111111111111111", b"l" * 16)
    assert not holds_card_number(token)
    with pytest.raises(ValueError, match="16 bytes"):
        tokenise("4111111111111111", b"short")
