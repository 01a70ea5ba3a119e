"""How good the candidate is, beside the champion."""

from scripts.report import pictures_quality as draw
from scripts.report.inputs import ReportInputs
from scripts.report.section import Picture, Section, Table
from scripts.report.text import number, signed
from scripts.retraining.evaluation import gate, metric_rows

_NO_EVALUATION = "no evaluation was given (the run did not get that far, or evaluation.json is missing)."
_NO_CURVES = "no curves were given (curves.json is missing)."


def metrics(inputs: ReportInputs) -> Section:
    """Both models' metrics with intervals, and the gate's verdict."""
    rows = metric_rows(inputs.evaluation)
    if not rows:
        return Section("metrics", "Candidate and champion", missing=_NO_EVALUATION)
    cells = [
        (
            row.label,
            *(number(row.candidate, 4), _between(row.candidate_interval)),
            *(number(row.champion, 4), _between(row.champion_interval)),
            *(signed(row.difference), _between(row.difference_interval, signs=True)),
        )
        for row in rows
    ]
    verdict = gate(inputs.evaluation)
    names = [row.name for row in rows]
    marked = frozenset({names.index(verdict.metric)}) if verdict and verdict.metric in names else frozenset()
    heads = ("metric", "candidate", "95 % interval", "champion", "95 % interval", "difference", "95 % interval")
    # Without a champion there is nothing in the columns about one.
    shown = len(heads) if inputs.evaluation.get("champion") else 3
    cells, heads = [row[:shown] for row in cells], heads[:shown]
    table = Table(cells, heads, numeric=frozenset(range(1, shown)), marked=marked)
    texts = []
    if verdict:
        texts.append(f"The gate {'passed' if verdict.passed else 'rejected'} the candidate:")
    test, bootstrap = inputs.evaluation.get("test", {}), inputs.evaluation.get("bootstrap", {})
    notes = [text for text in (_holdout(test), _intervals(bootstrap)) if text]
    if marked:
        notes.append("The row set off is the metric that the gate decides by.")
    tables = [table]
    if budgets := inputs.evaluation.get("review_budgets"):
        tables.append(_budgets(budgets))
    lists = [verdict.reasons] if verdict and verdict.reasons else []
    return Section("metrics", "Candidate and champion", texts=texts, lists=lists, tables=tables, notes=notes)


def curves(inputs: ReportInputs) -> Section:
    """Precision–recall and ROC curves."""
    models = _models(inputs.curves)
    title = "Precision–recall and ROC curves"
    if not models:
        return Section("curves", title, missing=_NO_CURVES)
    rows = metric_rows(inputs.evaluation)
    values = {row.name: {"candidate": row.candidate, "champion": row.champion} for row in rows}
    test = inputs.evaluation.get("test") or {}
    prevalence = test["frauds"] / test["rows"] if test.get("rows") else None
    pictures = [
        Picture("Precision–recall", draw.precision_recall(models, values.get("average_precision", {}), prevalence)),
        Picture("ROC", draw.roc(models, values.get("auc", {}))),
    ]
    return Section("curves", title, pictures=pictures)


def scores(inputs: ReportInputs) -> Section:
    """The candidate's scores by class."""
    candidate = _models(inputs.curves).get("candidate")
    if candidate is None:
        return Section("scores", "Score distribution", missing=_NO_CURVES)
    svg = draw.scores(candidate["scores"], _chosen(inputs.evaluation))
    picture = Picture("The candidate's scores on the hold-out, by class", svg, "full")
    return Section("scores", "Score distribution", pictures=[picture])


def thresholds(inputs: ReportInputs) -> Section:
    """What each threshold costs and finds."""
    table = inputs.evaluation.get("thresholds")
    title = "Thresholds and cost"
    if not table:
        return Section("thresholds", title, missing=_NO_EVALUATION)
    has_money = all(row.get("saved") is not None for row in table)
    price = inputs.evaluation.get("review_cost_per_alert")
    if has_money:
        picture = Picture("Cost by threshold", draw.cost(table))
        text = f"A review costs {number(price)}; a missed fraud costs its amount. The chosen threshold saves most."
    else:
        picture = None
        text = "The event type has no amounts, so costs are not known. The chosen threshold has the highest F1."
    pictures = [picture] if picture else []
    if any(row["recall"] is not None for row in table):
        pictures.append(Picture("Precision and recall by threshold", draw.precision_and_recall_by_threshold(table)))
    heads = ["threshold", "alerts a day", "precision", "recall", "false positives"]
    money = ["caught", "missed", "reviews", "saved"] if has_money else []
    rows = [
        (
            number(row["threshold"]), number(row["alerts_per_day"], 1), _percent(row["precision"]),
            _percent(row["recall"]), _percent(row["false_positive_rate"], 3),
            *((number(row[name], 0) for name in ("fraud_amount_caught", "fraud_amount_missed", "review_cost", "saved"))
              if has_money else ()),
        )
        for row in table
    ]  # fmt: skip
    marked = frozenset(place for place, row in enumerate(table) if row["best"])
    numeric = frozenset(range(len(heads) + len(money)))
    cells = Table(rows, [*heads, *money], numeric=numeric, marked=marked, kind="dense")
    return Section("thresholds", title, texts=[text], pictures=pictures, tables=[cells])


def calibration(inputs: ReportInputs) -> Section:
    """The reliability diagram."""
    models = {role: curve for role, curve in _models(inputs.curves).items() if curve.get("reliability")}
    if not models:
        return Section("calibration", "Calibration", missing=_NO_CURVES)
    errors = {row.name: row.candidate for row in metric_rows(inputs.evaluation) if row.name in ("ece", "brier")}
    names = {"ece": "calibration error", "brier": "Brier score"}
    facts = [f"a {name} of {errors[key]:.5f}" for key, name in names.items() if errors.get(key) is not None]
    text = "A score of 0.1 should be a fraud one time in ten. "
    text += f"The candidate has {' and '.join(facts)}." if facts else ""
    picture = Picture("Reliability: bins with equally many transactions", draw.calibration(models))
    rows = [
        (number(row["mean_probability"], 5), number(row["fraud_share"], 5), number(row["rows"]))
        for row in models.get("candidate", {}).get("reliability", ())
    ]
    heads = ("mean probability", "observed share", "transactions")
    table = Table(rows, heads, numeric=frozenset({0, 1, 2}), caption="The candidate's bins", kind="dense")
    note = "Hollow points at the foot are bins without any fraud, which a logarithmic axis cannot show."
    return Section(
        "calibration", "Calibration", texts=[text], pictures=[picture], tables=[table], notes=[note], beside=True
    )


def _models(curves: dict) -> dict[str, dict]:
    return {role: curves[role] for role in ("candidate", "champion") if curves.get(role)}


def _chosen(evaluation: dict) -> float | None:
    return next((row["threshold"] for row in evaluation.get("thresholds") or () if row["best"]), None)


def _budgets(budgets: list[dict]) -> Table:
    has_champion = any(row.get("champion") for row in budgets)
    rows = []
    for row in budgets:
        candidate, champion = row["candidate"], row.get("champion") or {}
        interval = candidate.get("recall_interval")
        cells = [
            number(row["alerts_per_day"]),
            _percent(candidate["recall"]),
            f"{interval['low']:.1%} to {interval['high']:.1%}" if interval else "–",
            _percent(candidate["precision"]),
            _percent(candidate["amount_recall"]),
        ]
        if has_champion:
            cells += [_percent(champion.get("recall")), _percent(champion.get("precision"))]
        rows.append(cells)
    heads = ["reviews a day", "recall", "95 % interval", "precision", "amount caught"]
    heads += ["champion's recall", "champion's precision"] if has_champion else []
    return Table(rows, heads, numeric=frozenset(range(len(heads))), caption="What fixed numbers of reviews a day find")


def _between(interval: tuple[float, float] | None, signs: bool = False) -> str:
    if interval is None:
        return "–"
    low, high = (signed(end) if signs else number(end, 4) for end in interval)
    return f"{low} to {high}"


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}%}"


def _holdout(test: dict) -> str:
    if not test.get("rows"):
        return ""
    window = f", {test['start']} to {test['end']}" if test.get("start") and test.get("end") else ""
    return f"Hold-out: {test['rows']:,} transactions, {test['frauds']:,} frauds{window}."


def _intervals(bootstrap: dict) -> str:
    if not bootstrap.get("samples"):
        return ""
    return f"Intervals: {bootstrap['samples']} bootstrap samples of the hold-out, drawn by {bootstrap.get('unit')}."
