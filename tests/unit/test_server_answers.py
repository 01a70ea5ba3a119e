"""The prebuilt container's handlers and this project's server give the same bytes, from the model's own scores."""

import io
import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from fraud.models.package import ModelPackage
from fraud.models.scoring import score
from fraud.serving import parquet_polars
from fraud.serving.answers import Service, model_of
from fraud.serving.requests import MOST_REASONS
from fraud.serving.row_scores import row_score
from inference_code import inference
from tests.unit.model_data import NAMES
from tests.unit.served_models import CALIBRATIONS, SETTINGS, package_of, random_rows, saved, split

CSV, JSON, LINES, PARQUET = "text/csv", "application/json", "application/jsonlines", "application/x-parquet"


@pytest.fixture(scope="module", params=SETTINGS)
def package(request, tmp_path_factory):
    return ModelPackage.load(saved(tmp_path_factory.mktemp("model"), request.param))


@pytest.fixture(scope="module")
def fast(package):
    return Service(package, row_score(package.model, len(NAMES)))


def _csv(rows):
    return "".join(",".join("" if v != v else repr(v) for v in row) + "\n" for row in rows.tolist()).encode()


def _json(rows, reasons=0):
    instances = [[None if v != v else v for v in row] for row in rows.tolist()]
    return json.dumps({"instances": instances, "reasons": reasons}).encode()


def _lines(rows):
    return b"\n".join(json.dumps([None if v != v else v for v in row]).encode() for row in rows.tolist())


def _parquet(rows):
    buffer = io.BytesIO()
    pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.Float32)).reverse().select(*reversed(NAMES)).write_parquet(buffer)
    return buffer.getvalue()


def _by_handlers(package, body, kind, accept, as_text):
    """What AWS's toolkit would answer: it hands CSV and JSON over as text."""
    data = body.decode(errors="replace") if as_text else body
    answer = inference.transform_fn(Service(package), data, kind, accept)
    if isinstance(answer, tuple):
        return 200, *answer
    return answer.status_code, answer.get_data(as_text=True), answer.mimetype


def test_handlers_and_server_answer_random_rows_with_the_same_bytes(package, fast):
    random = np.random.default_rng(7)
    for seed in range(150):
        rows = random_rows(int(random.choice([1, 1, 1, 2, 5, 40])), seed)
        reasons = int(random.integers(0, MOST_REASONS + 1)) if seed % 3 == 0 else 0
        for kind, body in ((CSV, _csv(rows)), (JSON, _json(rows, reasons)), (LINES, _lines(rows))):
            for accept in (CSV, JSON, LINES):
                served = fast.answer(body, kind, accept)
                assert served.status == 200, served
                assert tuple(served) == _by_handlers(package, body, kind, accept, as_text=kind != LINES)


def test_every_format_gives_the_model_s_own_probabilities(package, fast):
    rows = random_rows(300)
    expected = package.fraud_probability(rows).tolist()
    for kind, body in ((CSV, _csv(rows)), (JSON, _json(rows)), (LINES, _lines(rows)), (PARQUET, _parquet(rows[::-1]))):
        answer = fast.answer(body, kind, JSON)
        predictions = json.loads(answer.body)["predictions"]
        assert [item["probability"] for item in predictions] == expected, kind
        assert [item["score"] for item in predictions] == [score(value) for value in expected]
    alone = [float(fast.answer(_csv(rows[at : at + 1]), CSV, CSV).body) for at in range(len(rows))]
    assert alone == expected


def test_reasons_are_the_largest_contributions(package, fast):
    rows = random_rows(20)
    contributions = package.model.contributions(rows)
    predictions = json.loads(fast.answer(_json(rows, 2), JSON, JSON).body)["predictions"]
    for row, item in zip(contributions, predictions, strict=True):
        largest = sorted((value for value in row if value > 0), reverse=True)[:2]
        assert [reason["contribution"] for reason in item["reasons"]] == [round(float(v), 6) for v in largest]
        assert all(row[NAMES.index(reason["feature"])] > 0 for reason in item["reasons"])


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_one_score_is_calibrated_as_in_an_array(calibration):
    random = np.random.default_rng(0)
    scores = np.r_[random.random(3000), random.random(3000) ** 12, 1 - random.random(3000) ** 12, 0.0, 1.0, 1e-300]
    calibrated = CALIBRATIONS[calibration]
    assert [calibrated.one(value) for value in scores.tolist()] == calibrated(scores).tolist()


def test_rows_are_scored_alone_to_the_last_bit_as_by_xgboost():
    model = package_of("xgboost").model
    fast = row_score(model, len(NAMES))
    rows = np.r_[random_rows(4000), split(9).features]
    assert [fast(row) for row in rows.tolist()] == model.predict_proba(rows).tolist()


def test_the_version_is_the_digest_of_the_package_s_files(tmp_path):
    first = ModelPackage.load(saved(tmp_path / "a"))
    assert model_of(first) == {"algorithm": "xgboost", "version": first.version} and len(first.version) == 12
    assert ModelPackage.load(saved(tmp_path / "b")).version == first.version
    assert ModelPackage.load(saved(tmp_path / "c", calibration="platt")).version != first.version


ROW = b"1,2,0.5,4"
WRONG = [
    (b"", CSV, CSV, 400, "no rows"),
    (b"\n \n", CSV, CSV, 400, "no rows"),
    (b"1,2,3", CSV, CSV, 400, "row 1 has 3 values where the model needs 4, in this order: amount"),
    (ROW + b"\n1,2,3,4,5", CSV, CSV, 400, "row 2 has 5 values"),
    (b"1,two,3,4", CSV, CSV, 400, "row 1, column 2 (nights): a number or an empty value"),
    (b"amount,nights,terminal_risk,noise\n" + ROW, CSV, CSV, 400, "row 1, column 1 (amount): a number"),
    (b"1,2,3,inf", CSV, CSV, 400, "column 4 (noise) is not finite"),
    (b"1,2,3,-1e39", CSV, CSV, 400, "not finite"),
    (b",2,3,1e39", CSV, CSV, 400, "not finite"),
    (b"1_0,2,3,4", CSV, CSV, 400, "row 1, column 1"),
    (b"0x1,2,3,4", CSV, CSV, 400, "row 1, column 1"),
    (b'"1",2,3,4', CSV, CSV, 400, "row 1, column 1"),
    ("１,2,3,4".encode(), CSV, CSV, 400, "row 1, column 1"),
    (b"1,2,3,\x00", CSV, CSV, 400, "row 1, column 4"),
    (b"\xff\xfe1,2,3,4", CSV, CSV, 400, "UTF-8"),
    (b"", JSON, JSON, 400, "not valid JSON"),
    (b"{", JSON, JSON, 400, "not valid JSON"),
    (b"\xff{}", JSON, JSON, 400, "UTF-8"),
    (b"null", JSON, JSON, 400, "instances"),
    (b"[[1,2,3,4]]", JSON, JSON, 400, "instances"),
    (b'{"instances": []}', JSON, JSON, 400, "no rows"),
    (b'{"instances": 5}', JSON, JSON, 400, "a list of rows"),
    (b'{"instances": [1, 2, 3, 4]}', JSON, JSON, 400, "a list of rows"),
    (b'{"instances": [[]]}', JSON, JSON, 400, "row 1 has 0 values"),
    (b'{"instances": [[1, 2, 3]]}', JSON, JSON, 400, "row 1 has 3 values"),
    (b'{"instances": [[1, 2, 3, NaN]]}', JSON, JSON, 400, "NaN is no JSON number"),
    (b'{"instances": [[1, 2, 3, -Infinity]]}', JSON, JSON, 400, "Infinity is no JSON number"),
    (b'{"instances": [[1, 2, 3, 1e999]]}', JSON, JSON, 400, "not finite"),
    (b'{"instances": [[1, 2, 3, 1' + b"0" * 400 + b"]]}", JSON, JSON, 400, "not finite"),
    (b'{"instances": [[1, 2, 3, 1' + b"0" * 9000 + b"]]}", JSON, JSON, 400, "not valid JSON"),
    (b'{"instances": [[1, 2, 3, "4"]]}', JSON, JSON, 400, "column 4 (noise): a number or null"),
    (b'{"instances": [[1, 2, 3, true]]}', JSON, JSON, 400, "column 4 (noise): a number or null"),
    (b'{"instances": [[1, 2, 3, [4]]]}', JSON, JSON, 400, "a list where a number"),
    (b'{"instances": [[1, 2, 3, {}]]}', JSON, JSON, 400, "a list where a number"),
    (b'{"instances": ' + b"[" * 100_000, JSON, JSON, 400, "nested too deeply"),
    (b'{"instances": [[1, 2, 3, 4]], "reasons": true}', JSON, JSON, 400, "whole number from 0 to 10"),
    (b'{"instances": [[1, 2, 3, 4]], "reasons": 11}', JSON, JSON, 400, "whole number from 0 to 10"),
    (b'{"instances": [[1, 2, 3, 4]], "reasons": "2"}', JSON, JSON, 400, "whole number from 0 to 10"),
    (b"[1, 2, 3, 4]\n[1,", LINES, JSON, 400, "line 2 is not valid JSON"),
    (b'{"values": [1, 2, 3, 4]}', LINES, JSON, 400, "line 1"),
    (b"5", LINES, JSON, 400, "line 1"),
    (b"PAR1 no parquet PAR1", PARQUET, CSV, 400, "not a readable parquet file"),
    (b"", PARQUET, CSV, 400, "not a readable parquet file"),
    (ROW, "image/png", CSV, 415, "content type 'image/png' is not supported"),
    (ROW, "", CSV, 415, "is not supported"),
    (ROW, CSV, "image/png", 406, "answers are text/csv"),
    (ROW, CSV, "text/csv;q=0", 406, "answers are text/csv"),
]


@pytest.mark.parametrize(("body", "kind", "accept", "status", "message"), WRONG)
def test_wrong_requests_are_refused_alike(fast, package, body, kind, accept, status, message):
    answer = fast.answer(body, kind, accept)
    assert (answer.status, answer.media_type) == (status, "text/plain")
    assert message in answer.body
    assert _by_handlers(package, body, kind, accept, as_text=kind in (CSV, JSON)) == tuple(answer)


def test_a_file_that_ends_its_reader_is_refused_and_the_next_one_is_read(fast, monkeypatch):
    body = _parquet(random_rows(3))
    good = fast.answer(body, PARQUET, CSV)
    assert good.status == 200
    with monkeypatch.context() as patch:
        dying = [sys.executable, "-c", "import os, sys; sys.stdin.buffer.read(9); os.abort()"]
        started = lambda: subprocess.Popen(dying, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: E731
        patch.setattr(parquet_polars._Reader, "_started", staticmethod(started))
        parquet_polars._reader._process.kill()
        parquet_polars._reader._process.wait()
        refused = fast.answer(body, PARQUET, CSV)
        assert (refused.status, "not a readable parquet file" in refused.body) == (400, True)
    assert fast.answer(body, PARQUET, CSV) == good


def test_parquet_columns_are_checked(fast):
    def ask(frame):
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        return fast.answer(buffer.getvalue(), PARQUET, CSV)

    good = pl.DataFrame(random_rows(3), schema=dict.fromkeys(NAMES, pl.Float32))
    assert ask(good.with_columns(pl.lit("x").alias("other"))).status == 200
    assert "has no column noise" in ask(good.drop("noise")).body
    assert "columns nights hold no numbers" in ask(good.with_columns(pl.lit("1.5").alias("nights"))).body
    assert "row 1, column 2 (nights) is not finite" in ask(good.with_columns(nights=float("inf"))).body
    assert "no rows" in ask(good.clear()).body
    # A column of one value takes a few kilobytes, whatever its length.
    huge = ask(pl.DataFrame({name: pl.repeat(0.0, 20_000_000, eager=True) for name in NAMES}))
    assert (huge.status, "send fewer" in huge.body) == (413, True)


@pytest.mark.parametrize("text", ["", "NaN", "nan", "null", "None", " "])
def test_missing_values_of_csv_are_those_of_json(fast, text):
    plain = fast.answer(f"1,{text},0.5,4".encode(), CSV, CSV)
    assert plain == fast.answer(b'{"instances": [[1, null, 0.5, 4]]}', JSON, CSV) and plain.status == 200


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, CSV),
        ("", CSV),
        ("*/*", CSV),
        ("application/*", JSON),
        ("text/html, application/json;q=0.9, */*;q=0.1", JSON),
        ("application/json;q=0.5, text/csv", CSV),
        ("APPLICATION/JSON; charset=utf-8", JSON),
        ("application/x-jsonlines", "application/x-jsonlines"),
    ],
)
def test_the_preferred_type_is_answered(fast, accept, kind):
    assert fast.answer(ROW, "text/csv; charset=utf-8", accept).media_type == kind


def test_line_ends_and_byte_order_marks_do_not_matter(fast):
    expected = fast.answer(ROW + b"\n" + ROW, CSV, CSV).body
    for body in (ROW + b"\r\n" + ROW + b"\r\n", b"\xef\xbb\xbf" + ROW + b"\n\n" + ROW, ROW + b" \n " + ROW):
        assert fast.answer(body, CSV, CSV).body == expected
