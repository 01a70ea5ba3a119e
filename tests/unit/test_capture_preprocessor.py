"""The script that AWS's analyzer flattens captured records with."""

import ast
import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from training_code import capture_preprocessor
from training_code.capture_preprocessor import preprocess_handler


def record(sent: str, answered: str, encodings: tuple[str, str] = ("JSON", "JSON"), types: tuple = ("", "")) -> Any:
    parts = zip((sent, answered), encodings, types, strict=True)
    request, answer = (SimpleNamespace(data=d, encoding=e, observedContentType=t) for d, e, t in parts)
    return SimpleNamespace(endpoint_input=request, endpoint_output=answer)


def rows(given: Any) -> list[list[Any]]:
    """Values in the order in which the analyzer takes them: by key."""
    return [[row[key] for key in sorted(row)] for row in preprocess_handler(given)]


REQUEST = json.dumps({"instances": [[1.5, 0, -1], [2.5, 1, 30]], "reasons": 2})
ANSWER = json.dumps(
    {
        "predictions": [
            {"probability": 0.25, "score": 431, "reasons": [{"feature": "a", "contribution": 0.1}]},
            {"probability": 0.5, "score": 500, "reasons": []},
        ],
        "model": {"algorithm": "xgboost", "version": "1"},
    }
)


def test_each_instance_is_a_row_that_begins_with_its_probability() -> None:
    assert rows(record(REQUEST, ANSWER)) == [[0.25, 1.5, 0, -1], [0.5, 2.5, 1, 30]]


def test_keys_sort_as_the_columns_stand_however_many() -> None:
    request = json.dumps({"instances": [list(range(120))]})
    (row,) = rows(record(request, json.dumps({"predictions": [{"probability": 0.1}]})))
    assert row == [0.1, *range(120)]


@pytest.mark.parametrize(
    ("sent", "answered", "encodings", "expected"),
    [
        ("1.5,0\n2.5,1\n", "0.25\n0.5\n", ("CSV", "CSV"), [["0.25", "1.5", "0"], ["0.5", "2.5", "1"]]),
        ("1.5,0", ANSWER.replace(', {"probability": 0.5, "score": 500, "reasons": []}', ""), ("CSV", "JSON"),
         [[0.25, "1.5", "0"]]),
        ('[1.5, 0]\n{"features": [2.5, 1]}\n', "0.25\n0.5", ("JSON", "CSV"), [["0.25", 1.5, 0], ["0.5", 2.5, 1]]),
    ],
    ids=["csv", "csv in, json out", "json lines in, csv out"],
)  # fmt: skip
def test_other_forms(sent: str, answered: str, encodings: tuple[str, str], expected: list[Any]) -> None:
    assert rows(record(sent, answered, encodings)) == expected


def test_base64_is_decoded_and_read_by_its_content_type() -> None:
    encoded = [base64.b64encode(text.encode()).decode() for text in (REQUEST, ANSWER)]
    types = ("application/json", "application/json; charset=utf-8")
    assert rows(record(*encoded, ("BASE64", "BASE64"), types)) == rows(record(REQUEST, ANSWER))


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (REQUEST, json.dumps({"predictions": [{"probability": 0.25}]})),
        (REQUEST, json.dumps({"error": "too slow"})),
        ("not json", ANSWER),
        (json.dumps({"instances": 7}), ANSWER),
        ("", ""),
    ],
)
def test_a_record_that_cannot_be_understood_has_no_rows(sent: str, answered: str) -> None:
    assert preprocess_handler(record(sent, answered)) == []


def test_rows_are_those_of_the_projects_own_analyzer(tmp_path: Path) -> None:
    from fraud.monitoring.capture import read_captures

    def part(data: str) -> dict[str, str]:
        return {"data": data, "encoding": "JSON", "observedContentType": "application/json"}

    line = {"captureData": {"endpointInput": part(REQUEST), "endpointOutput": part(ANSWER)}}
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n")
    frame = read_captures(tmp_path).frame
    ours = [[float(value) for value in row] for row in frame.iter_rows()]
    assert ours == [[float(value) for value in row] for row in rows(record(REQUEST, ANSWER))]


def test_nothing_but_the_standard_library_is_needed() -> None:
    source = Path(capture_preprocessor.__file__ or "").read_text(encoding="utf-8")
    modules = [
        name
        for node in ast.walk(ast.parse(source))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [])
        + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
    ]
    assert {name.split(".")[0] for name in modules} <= sys.stdlib_module_names
