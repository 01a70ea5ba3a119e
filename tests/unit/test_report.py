import json
from html.parser import HTMLParser

import numpy as np
import pytest

from fraud.evaluation.holdout import HoldOut
from fraud.evaluation.report import Settings, evaluate
from scripts.report import MonitorRun, ReportInputs, build_report
from scripts.report.__main__ import main
from scripts.report.build import render
from scripts.report.distance import distances
from scripts.retraining.trials import with_best

SECTIONS = [
    *("run", "metrics", "curves", "scores", "thresholds", "calibration"),
    *("tuning", "drift", "replay", "scored", "time", "outputs"),
]
HOSTILE = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """What is on a page: tags with their attributes, ids, and the texts of each section."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.sections, self._section = [], {}, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "section":
            self._section = attributes["id"]
            self.sections[self._section] = ""

    def handle_endtag(self, tag):
        if tag == "section":
            self._section = None

    def handle_data(self, data):
        if self._section:
            self.sections[self._section] += data + " "

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


def evaluation(champion=True, amounts=True):
    random = np.random.default_rng(0)
    labels = random.random(3000) < 0.03
    scores = [1 / (1 + np.exp(5 - 4 * labels * random.random(3000) - random.normal(size=3000))) for _ in range(2)]
    holdout = HoldOut(
        labels,
        np.arange(3000) // 300,
        np.arange(3000) % 200,
        random.gamma(2, 30, 3000) if amounts else None,
        "2018-07-08T00:00:00",
        "2018-07-17T23:00:00",
    )
    return evaluate(holdout, scores[0], scores[1] if champion else None, Settings(bootstrap_samples=20))


def statistics(scale):
    values = (np.random.default_rng(1).gamma(2, 10, 2000) * scale).tolist()
    same = np.random.default_rng(2).random(2000).tolist()
    return {
        "features": [
            {"name": name, "numerical_statistics": {"distribution": {"kll": {"sketch": {"data": [data]}}}}}
            for name, data in (("amount", values), ("hour", same))
        ]
    }


def trial(number, objective, **more):
    return {
        "name": f"fraudstack-dev-r00000000-1-{number:03d}-abcd",
        "status": "Completed" if objective else "Failed",
        "hyperparameters": {"eta": str(0.1 * number), "max_depth": "6"},
        "objective": objective,
        "metric": "validation:average_precision",
        "seconds": 12.0,
        "reason": None,
    } | more


@pytest.fixture(scope="module")
def full():
    found = evaluation()
    violation = {
        "feature_name": "amount",
        "constraint_check_type": "baseline_drift_check",
        "description": "Baseline drift distance: 0.5 exceeds threshold: 0.1",
    }
    return ReportInputs(
        title="A report",
        run={"status": "Promoted", "run": "r00000000-1"},
        outputs={"fraudstack-dev-storage": {"TransactionsBucket": "bucket-1"}},
        evaluation=found.summary,
        curves=found.curves,
        trials=with_best([trial(1, 0.6), trial(2, None, reason="AlgorithmError: no memory"), trial(3, 0.7)]),
        durations={"Prepare": 10.0, "Tune": 95.0},
        monitor_before=MonitorRun("Completed", "no violations", [], statistics(1)),
        monitor_after=MonitorRun("CompletedWithViolations", "1 violation", [violation], statistics(3)),
        baseline=statistics(1),
        replay={"requests a second": "38.2", "frauds caught": "3 of 4"},
        replay_latencies=[9.5, 11.0, 30.25, 12.5],
        scored=[{"id": 1234567, "amount": 12.5, "score": 0.91, "fraud": True}, {"id": 2, "score": 0.1, "fraud": None}],
    )


@pytest.fixture(scope="module")
def text(full):
    return render(full)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_all_sections_are_there_in_order_with_their_pictures(page):
    assert list(page.sections) == SECTIONS
    assert not any("Left out" in text for text in page.sections.values())
    # PR, ROC, scores, cost, precision, recall, calibration, tuning, hyperparameters, drift, replay, time
    assert page.count("svg") == 11
    assert all(attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg")


def test_the_page_needs_nothing_but_itself(page):
    assert page.count("script") == page.count("link") == page.count("img") == page.count("iframe") == 0
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action"):
            assert attributes.get(name, "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)


def test_ids_are_unique_and_references_inside_pictures_resolve(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    references = [a[name][1:] for _, a in page.tags for name in ("href", "xlink:href") if name in a]
    references += [a["clip-path"][5:-1] for _, a in page.tags if "clip-path" in a]
    assert references and set(references) <= set(ids)


def test_the_figures_are_those_of_the_evaluation(full, page):
    found = full.evaluation
    text = page.sections["metrics"]
    assert f"{found['candidate']['metrics']['average_precision']:.4f}" in text
    assert f"{found['champion']['metrics']['auc']:.4f}" in text
    low, high = (found["candidate"]["intervals"]["auc"][end] for end in ("low", "high"))
    assert f"{low:.4f} to {high:.4f}" in text
    assert all(reason in text for reason in found["gate"]["reasons"])
    assert "3,000 transactions" in text


def test_the_chosen_threshold_is_set_off(full, text):
    best = [place for place, row in enumerate(full.evaluation["thresholds"]) if row["best"]]
    section = text.split('id="thresholds"')[1].split("</section>")[0]
    rows = section.split("<tbody>")[1].split("<tr")[1:]
    assert [place for place, row in enumerate(rows) if 'class="marked"' in row] == best


def test_trials_drift_transactions_and_times_are_told(page):
    assert "003-abcd" in page.sections["tuning"] and "AlgorithmError: no memory" in page.sections["tuning"]
    assert "exceeds threshold: 0.1" in page.sections["drift"]
    assert "1234567" in page.sections["scored"] and "unknown" in page.sections["scored"]
    assert "38.2" in page.sections["replay"] and "3 of 4" in page.sections["replay"]
    assert "1 min 45 s in 2 steps" in page.sections["time"]
    assert "bucket-1" in page.sections["outputs"]


def test_without_anything_every_section_says_why_it_is_left_out():
    page = Page(render(ReportInputs()))
    assert list(page.sections) == SECTIONS
    assert all("Left out:" in text for text in page.sections.values())
    assert page.count("svg") == 0


def test_a_first_model_without_amounts_has_no_columns_about_a_champion_or_money():
    found = evaluation(champion=False, amounts=False)
    page = Page(render(ReportInputs(evaluation=found.summary, curves=found.curves)))
    assert "champion" not in page.sections["metrics"].replace("Candidate and champion", "").replace(
        "There is no champion to compare with.", ""
    )
    assert "saved" not in page.sections["thresholds"] and "highest F1" in page.sections["thresholds"]


def test_hostile_texts_are_escaped_wherever_they_come_from():
    hostile = ReportInputs(
        title=HOSTILE,
        run={"status": HOSTILE, HOSTILE: HOSTILE},
        outputs={HOSTILE: {HOSTILE: HOSTILE}},
        trials=with_best([trial(1, 0.5, status=HOSTILE, reason=HOSTILE, metric=HOSTILE, name=HOSTILE)]),
        durations={HOSTILE: 1.0},
        monitor_after=MonitorRun(
            HOSTILE,
            HOSTILE,
            [{"feature_name": HOSTILE, "description": f"{HOSTILE} distance: 0.5 exceeds threshold: 0.1"}],
        ),
        drift_description=HOSTILE,
        scored=[{HOSTILE: HOSTILE, "score": 0.5, "fraud": True}],
    )
    text = render(hostile)
    page = Page(text)
    assert page.count("script") == 0 and "<script" not in text
    assert HOSTILE in page.sections["run"] and HOSTILE in page.sections["scored"]


def test_dollar_signs_are_no_formulas():
    assert ">$price$<" in render(ReportInputs(durations={"$price$": 1.0}))


def test_a_file_is_written_whole_and_the_same_twice(full, tmp_path):
    some = ReportInputs(trials=full.trials, durations=full.durations, scored=full.scored)
    path = build_report(some, tmp_path / "deep" / "report.html")
    first = path.read_bytes()
    assert first.startswith(b"<!doctype html>") and first.rstrip().endswith(b"</html>")
    assert build_report(some, path).read_bytes() == first
    assert [item.name for item in path.parent.iterdir()] == ["report.html"]


def test_distances_come_from_statistics_and_from_violations_where_those_state_them():
    stated = [{"feature_name": "amount", "description": "Baseline drift distance: 0.625 exceeds threshold: 0.1"}]
    found = distances(statistics(1), statistics(3), stated)
    assert found["amount"] == 0.625
    assert found["hour"] == 0
    computed = distances(statistics(1), statistics(3), [])["amount"]
    assert 0.4 < computed < 0.6
    assert distances(None, None, []) == {}


def test_distances_of_categories():
    def feature(counts):
        buckets = [{"value": value, "count": count} for value, count in counts.items()]
        return {
            "features": [
                {"name": "channel", "string_statistics": {"distribution": {"categorical": {"buckets": buckets}}}}
            ]
        }

    found = distances(feature({"web": 900, "shop": 100}), feature({"web": 100, "shop": 800, "phone": 100}), [])
    assert found["channel"] == pytest.approx(0.8 - 1.8 * (2000 / 1e6) ** 0.5)


def test_the_command_writes_a_report_from_files(full, tmp_path, capsys):
    (tmp_path / "evaluation.json").write_text(json.dumps(full.evaluation))
    monitor = tmp_path / "after"
    monitor.mkdir()
    (monitor / "constraint_violations.json").write_text(json.dumps({"violations": full.monitor_after.violations}))
    out = tmp_path / "report.html"
    flags = ["--evaluation", str(tmp_path / "evaluation.json"), "--after", str(monitor), "--out", str(out)]
    assert main(flags) == 0
    assert capsys.readouterr().out.strip() == str(out)
    sections = Page(out.read_text()).sections
    assert "Left out" in sections["curves"] and "Left out" not in sections["metrics"]
    assert "CompletedWithViolations" in sections["drift"]


@pytest.mark.parametrize(("body", "words"), [(None, "cannot be read"), ("{", "not JSON"), ("[]", "object is expected")])
def test_a_file_that_cannot_be_used_is_named(tmp_path, capsys, body, words):
    path = tmp_path / "evaluation.json"
    if body is not None:
        path.write_text(body)
    assert main(["--evaluation", str(path), "--out", str(tmp_path / "report.html")]) == 2
    error = capsys.readouterr().err
    assert str(path) in error and words in error
    assert not (tmp_path / "report.html").exists()
