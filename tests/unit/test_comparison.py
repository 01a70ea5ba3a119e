"""Champion against challenger: the numbers, whether a difference is real, and what captures can be like."""

import gzip
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud.evaluation.comparison import Answered, ComparisonError, Settings, compare_paired, compare_unpaired
from fraud.evaluation.comparison_page import page, section
from fraud.monitoring.challenge import Sources, compare_captures
from training_code.analyze import analyze
from training_code.compare import main

FAST = Settings(samples=200)
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def traffic(rows: int = 4000, share: float = 0.05, seed: int = 1) -> dict[str, np.ndarray]:
    """Labels, amounts, and the scores of a good and of a poor model."""
    random = np.random.default_rng(seed)
    fraud = random.random(rows) < share
    noise = random.normal(size=(2, rows))

    def model(strength: float, own: float) -> np.ndarray:
        return 1 / (1 + np.exp(-(strength * fraud - 3 + noise[0] + own * noise[1])))

    return {
        "fraud": fraud,
        "amounts": random.gamma(2, 40, rows),
        "good": model(4.0, 0.2),
        "poor": model(2.0, 0.5),
    }


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    return traffic()


def test_values_are_scikit_learns_and_simple_counts(data: dict[str, np.ndarray]) -> None:
    fraud, scores, amounts = data["fraud"], data["good"], data["amounts"]
    result = compare_paired(Answered(fraud, data["poor"], amounts), Answered(fraud, scores, amounts), FAST)
    found = {name: row["challenger"]["value"] for name, row in result["metrics"].items()}
    alert = scores >= FAST.threshold
    assert found == pytest.approx(
        {
            "average_precision": average_precision_score(fraud, scores),
            "auc": roc_auc_score(fraud, scores),
            "recall": (alert & fraud).sum() / fraud.sum(),
            "precision": (alert & fraud).sum() / alert.sum(),
            "alerts_per_1000": 1000 * alert.mean(),
            "saved_per_1000": 1000 * (amounts[alert & fraud].sum() - 5 * alert.sum()) / len(fraud),
        }
    )
    for row in result["metrics"].values():
        assert row["difference"]["value"] == pytest.approx(row["challenger"]["value"] - row["champion"]["value"])
        for side in ("champion", "challenger", "difference"):
            assert row[side]["low"] <= row[side]["high"]
    cells = result["agreement"]["alerts"]
    assert sum(cell["frauds"] for cell in cells.values()) == fraud.sum()
    assert cells["challenger_only"]["frauds"] == (alert & ~(data["poor"] >= FAST.threshold) & fraud).sum()


def test_a_better_and_a_worse_challenger_are_told_and_the_same_one_is_not(data: dict[str, np.ndarray]) -> None:
    fraud = data["fraud"]
    good, poor = Answered(fraud, data["good"]), Answered(fraud, data["poor"])
    assert compare_paired(poor, good, FAST)["verdict"] == "better"
    assert compare_paired(good, poor, FAST)["verdict"] == "worse"
    same = compare_paired(good, good, FAST)
    assert same["verdict"] == "undecided"
    assert same["metrics"]["auc"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert "saved_per_1000" not in same["metrics"]


def test_redraws_are_the_same_each_time_and_pairing_narrows_the_interval(data: dict[str, np.ndarray]) -> None:
    # Models that are alike, as successive versions are, err on the same transactions.
    alike = data["good"] * np.exp(np.random.default_rng(2).normal(0, 0.2, len(data["good"])))
    sides = Answered(data["fraud"], alike), Answered(data["fraud"], data["good"])
    paired = compare_paired(*sides, FAST)
    assert paired == compare_paired(*sides, FAST)
    unpaired = compare_unpaired(*sides, FAST)

    def width(result: dict) -> float:
        difference = result["metrics"]["auc"]["difference"]
        return difference["high"] - difference["low"]

    assert width(paired) < 0.5 * width(unpaired)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Of many weeks of one and the same pair of models, nearly all intervals hold the difference of a long run."""
    long = traffic(100_000, seed=99)
    truth = roc_auc_score(long["fraud"], long["good"]) - roc_auc_score(long["fraud"], long["poor"])
    hits = 0
    for seed in range(40):
        week = traffic(1500, seed=seed)
        sides = (Answered(week["fraud"], week[name]) for name in ("poor", "good"))
        difference = compare_paired(*sides, Settings(samples=100))["metrics"]["auc"]["difference"]
        hits += difference["low"] <= truth <= difference["high"]
    assert hits >= 34


def test_few_frauds_are_no_verdict_and_an_undecided_one_says_how_long_to_wait(data: dict[str, np.ndarray]) -> None:
    few = slice(0, 200)
    sides = (Answered(data["fraud"][few], data[name][few]) for name in ("poor", "good"))
    result = compare_paired(*sides, FAST)
    assert result["verdict"] == "too-few-frauds" and "wait for labels" in result["sentences"][0]
    week = traffic(600, seed=5)
    nearly = np.clip(week["poor"] * np.exp(0.02 * week["fraud"]), 0, 1)
    result = compare_unpaired(Answered(week["fraud"], week["poor"]), Answered(week["fraud"], nearly), FAST)
    assert result["verdict"] == "undecided"
    assert "It may be chance" in result["sentences"][0]


@pytest.mark.parametrize(
    ("settings", "text"), [({"threshold": 1.0}, "threshold 1.0"), ({"samples": 5}, "at least 100")]
)
def test_wrong_settings_are_refused(settings: dict, text: str) -> None:
    with pytest.raises(ComparisonError, match=text):
        Settings(**settings)


# ---- captures


def line(identifier: str | None, score: float | str, features: list, moment: datetime = NOON) -> dict:
    def part(body: object, mode: str) -> dict:
        text = json.dumps(body)
        return {"observedContentType": "application/json", "mode": mode, "data": text, "encoding": "JSON"}

    metadata = {"eventId": f"e-{identifier}", "inferenceTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if identifier is not None:
        metadata["inferenceId"] = identifier
    return {
        "captureData": {
            "endpointInput": part({"instances": [features]}, "INPUT"),
            "endpointOutput": part({"predictions": [{"probability": score, "score": 1}]}, "OUTPUT"),
        },
        "eventMetadata": metadata,
        "eventVersion": "0",
    }


def label(identifier: str, fraud: bool) -> dict:
    return {
        "groundTruthData": {"data": "1" if fraud else "0", "encoding": "CSV"},
        "eventMetadata": {"eventId": identifier},
        "eventVersion": "0",
    }


def write(folder: Path, lines: list[dict], name: str = "a.jsonl") -> None:
    place = folder / "2026" / "03" / "01" / "12"
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_text("".join(json.dumps(item) + "\n" for item in lines), encoding="utf-8")


@pytest.fixture
def captured(tmp_path: Path) -> Path:
    """A shadow that got nine of ten requests; every second transaction has a label."""
    week = traffic(1000, share=0.2)
    ids = [f"t-{number}" for number in range(1000)]

    def lines(model: str, chosen: list[int]) -> list[dict]:
        return [
            line(ids[at], float(week[model][at]), [float(week["amounts"][at]), 0.5], NOON + timedelta(seconds=at))
            for at in chosen
        ]

    write(tmp_path / "champion", lines("poor", list(range(1000))))
    write(tmp_path / "challenger", lines("good", [at for at in range(1000) if at % 10]))
    write(tmp_path / "ground-truth", [label(ids[at], bool(week["fraud"][at])) for at in range(0, 1000, 2)])
    return tmp_path


def sources(folder: Path, **more: object) -> Sources:
    return Sources(folder / "champion", folder / "challenger", folder / "ground-truth", **more)


def test_a_shadow_is_paired_by_id_and_everything_left_out_is_counted(captured: Path) -> None:
    result = compare_captures(sources(captured, amount_at=0), FAST)
    assert (result["mode"], result["design"], result["verdict"]) == ("shadow", "paired", "better")
    assert result["transactions"]["champion"] == result["transactions"]["challenger"]
    assert result["transactions"]["challenger"]["rows"] == 400
    assert result["counts"]["champion"]["not_compared"] == 100
    assert result["counts"]["challenger"]["unlabelled"] == 500
    assert "saved_per_1000" in result["metrics"]
    later = compare_captures(sources(captured, genuine_before=NOON + timedelta(seconds=100)), FAST)
    assert later["transactions"]["challenger"]["rows"] == 450
    assert later["counts"]["challenger"]["taken_as_genuine"] == 50


def test_an_ab_test_compares_each_models_own_from_the_challengers_first_to_its_last(captured: Path) -> None:
    """What the variant `primary` answered later may be the challenger's own: it has been promoted."""
    week = traffic(3000, share=0.2, seed=3)
    early = [line(f"old-{at}", 0.5, [1.0], NOON - timedelta(hours=2)) for at in range(7)]
    early += [line(f"new-{at}", 0.5, [1.0], NOON + timedelta(hours=2)) for at in range(5)]
    for who, model, at in (("champion", "poor", 0), ("challenger", "good", 1)):
        rows = [line(f"x-{i}", float(week[model][i]), [1.0]) for i in range(at, 3000, 2)]
        write(captured / who, [*(early if who == "champion" else []), *rows])
    write(captured / "ground-truth", [label(f"x-{i}", bool(week["fraud"][i])) for i in range(3000)])
    result = compare_captures(sources(captured), FAST)
    assert (result["mode"], result["design"], result["agreement"]) == ("ab", "unpaired", None)
    assert [side["rows"] for side in result["transactions"].values()] == [1500, 1500]
    assert result["counts"]["champion"]["not_compared"] == 7 + 5
    assert result["verdict"] == "better"


def test_what_cannot_be_used_is_counted_and_never_a_crash(captured: Path) -> None:
    folder = captured / "challenger" / "2026" / "03" / "01" / "12"
    batch = line("t-1", 0.1, [1.0])
    output = batch["captureData"]["endpointOutput"]
    output["data"] = json.dumps({"predictions": [{"probability": 0.1}, {"probability": 0.2}]})
    odd = [
        line(None, 0.5, [1.0]),
        line("t-3", 0.9, [1.0]),
        line("t-9001", "high", [1.0]),
        line("t-9002", 7.0, [1.0]),
        batch,
        {"captureData": {}, "eventMetadata": {}},
    ]
    (folder / "z.jsonl").write_text("".join(json.dumps(item) + "\n" for item in odd) + "{broken\n")
    whole = gzip.compress(b"".join(json.dumps(line(f"z-{i}", 0.1, [1.0])).encode() + b"\n" for i in range(500)))
    (folder / "zz.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    write(captured / "ground-truth", [label("t-2", True), label("never-seen", True)], "b.jsonl")
    (captured / "ground-truth" / "2026" / "03" / "01" / "12" / "c.jsonl").write_text(
        json.dumps({**label("t-4", True), "groundTruthData": {"data": "perhaps", "encoding": "CSV"}}) + "\n"
    )
    result = compare_captures(sources(captured), FAST, mode="shadow")
    counts = result["counts"]["challenger"]
    assert counts["without_inference_id"] == 1 and counts["batches"] == 1 and counts["repeated"] == 1
    assert counts["malformed"] == 4 and counts["truncated_files"] == 1
    assert counts["labels_unreadable"] == 1
    assert result["counts"]["labels"]["labels_conflicting"] + result["counts"]["labels"]["labels_duplicate"] >= 1


def test_nothing_to_compare_says_what_is_missing(tmp_path: Path, captured: Path) -> None:
    with pytest.raises(ComparisonError, match="no answers of the champion"):
        compare_captures(sources(tmp_path / "nothing"), FAST)
    for path in (captured / "ground-truth").rglob("*.jsonl"):
        path.unlink()
    with pytest.raises(ComparisonError, match="no labelled transactions"):
        compare_captures(sources(captured), FAST)


def test_the_page_stands_alone_and_says_it_in_words(captured: Path) -> None:
    result = compare_captures(sources(captured, amount_at=0), FAST)
    text = page(result, "dev <v3>")
    assert "dev &lt;v3&gt;" in text and "http" not in text.replace("http-equiv", "")
    assert text.count("<svg") == 2 and result["sentences"][0].split(".")[0].replace("'", "&#x27;") in text
    assert "Both models answered the same 400 labelled transactions" in section(result)


def test_a_model_quality_run_compares_the_challenger_and_watches_the_champion_alone(
    captured: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source" / "endpoint"
    source.mkdir(parents=True)
    (captured / "champion").rename(source / "primary")
    (captured / "challenger").rename(source / "challenger")
    constraints = tmp_path / "constraints.json"
    floor = {"recall": {"threshold": 0.0, "comparison_operator": "LessThanThreshold"}}
    constraints.write_text(json.dumps({"version": 0.0, "binary_classification_constraints": floor}))
    environment = {
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "BinaryClassification",
        "dataset_source": str(tmp_path / "source"),
        "ground_truth_source": str(captured / "ground-truth"),
        "output_path": str(tmp_path / "out"),
        "baseline_constraints": str(constraints),
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": "dev",
    }
    analyze(environment, tmp_path)
    comparison = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (comparison["design"], comparison["transactions"]["champion"]["rows"]) == ("paired", 400)
    statistics = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert statistics["dataset"]["item_count"] == 500
    report = (tmp_path / "out" / "report.html").read_text()
    assert "Champion and challenger" in report and report.count('id="comparison"') == 1
    metrics = [json.loads(each) for each in (tmp_path / "out" / "cloudwatch_metrics.jsonl").read_text().splitlines()]
    found = {}
    for each in metrics:
        dimensions = {one["Name"]: one["Value"] for one in each["Dimensions"]}
        assert dimensions.pop("Endpoint") == "dev"
        found.setdefault(dimensions.pop("VariantName", "primary"), {})[each["MetricName"]] = each["Value"]
    assert found["challenger"].keys() == found["primary"].keys()
    # Of the same transactions as in the comparison; the champion's are of all that it answered.
    compared = comparison["metrics"]["average_precision"]["challenger"]["value"]
    assert found["challenger"]["average_precision"] == pytest.approx(compared) != found["primary"]["average_precision"]
    assert found["primary"]["recall"] == statistics["binary_classification_metrics"]["recall"]["value"]


def test_the_job_writes_its_documents_and_its_verdict(captured: Path, tmp_path: Path, monkeypatch) -> None:
    base = tmp_path / "ml"
    inputs = base / "processing" / "input"
    inputs.mkdir(parents=True)
    for name in ("champion", "challenger", "ground-truth"):
        (captured / name).rename(inputs / name)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
    assert main(["--bootstrap-samples", "100"]) == 0
    document = json.loads((base / "processing" / "output" / "comparison" / "comparison.json").read_text())
    assert document["verdict"] == "better"
    assert (base / "output" / "message").read_text().startswith("better: The challenger's average precision is")
    assert (base / "processing" / "output" / "comparison" / "comparison.html").is_file()
    assert main(["--threshold", "2", "--bootstrap-samples", "100"]) == 1
    assert "threshold 2.0" in (base / "output" / "failure").read_text()
