"""The demo from an empty cloud to a report: each chapter is a step that the console shows with its time."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from scripts.demo import cloud
from scripts.demo.cloud import StepFailed
from scripts.demo.live import CONNECTIONS, Live
from scripts.demo.monitor import Verdict, run_monitor
from scripts.demo.options import ROOT, DemoOptions
from scripts.demo.traffic import HoldOut, drifted, send
from scripts.retraining.dataset import data_files
from scripts.retraining.flow import retrain
from scripts.retraining.options import Options, RetrainResult
from scripts.retraining.selection import check, choose
from scripts.scoring import history
from scripts.scoring.client import ScoringClient
from scripts.scoring.replay import figures, table

PREFIX = "fraudstack-dev"
STACKS = ("keys", "identity", "storage", "training", "serving", "scoring", "monitoring", "retraining-loop")
LIVE_ROWS = 1_500


@dataclass
class Story:
    """What happened; the summary and the report are made of it."""

    data: Path
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    champion: RetrainResult | None = None
    challenger: RetrainResult | None = None
    scored: list[dict[str, Any]] = field(default_factory=list)
    replay: dict[str, str] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    clean: Verdict | None = None
    drift: Verdict | None = None
    others: dict[str, Verdict] = field(default_factory=dict)
    baseline: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, Any] = field(default_factory=dict)
    drift_description: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


class Teller:
    """Runs the chapters in order and keeps the time of each."""

    def __init__(self, options: DemoOptions, console: Console):
        self.options, self.console = options, console
        self.session = boto3.Session()
        self.story = Story(data=options.data or options.out / "transactions")

    def tell(self) -> Story:
        if self.options.data is not None:
            # Bad data should not cost a deployment first.
            check(data_files(self.options.data), choose(self.options.data, self.options.event_type), days={})
        with self.chapter("Start the local cloud"):
            cloud.start_fresh(self.options, {})
        with self.chapter("Deploy the platform with the CDK CLI"):
            cloud.deploy(self.options, self._event_type_name(), {}, self._say_stack)
            self.story.outputs = self._outputs()
        if self.options.data is None:
            with self.chapter("Simulate card transactions"):
                self._simulate()
        with self.chapter("Train a first model: logistic regression"):
            self.story.champion = self._retrain("logistic-regression", trials=2)
        with self.chapter("Tune, evaluate and promote a challenger: XGBoost"):
            self.story.challenger = self._retrain("xgboost", trials=self.options.trials)
        hold_out = self._hold_out()
        # Captures are written in files named by their first record: the window begins before the first request.
        first_request = _now()
        self._live()
        with self.chapter("Monitor what the replay asked the model"):
            for kind in self._monitors():
                verdict = self._monitor(first_request, kind)
                self.console.print(f"{kind}: {verdict.status}; {verdict.exit_message}", highlight=False)
                self.story.others[kind] = verdict
            self.story.clean = self.story.others.pop("data-quality")
        with self.chapter(f"Monitor {LIVE_ROWS:,} requests after a price shock"):
            shock = _now()
            answered = send(self._runtime(), self._endpoint(), drifted(hold_out), LIVE_ROWS, self.options.seed)
            self.console.print(f"{answered:,} transactions scored one by one; running the schedule over them …")
            self.story.drift = self._monitor(shock)
            self.story.drift_description = f"{', '.join(hold_out.amount_features)}: times three"
        return self.story

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        self.console.rule(f"[bold]{title}[/]", align="left")
        started = time.monotonic()
        yield
        self.story.seconds[title] = time.monotonic() - started
        self.console.print(f"[green]✓[/] {title} [dim]({self.story.seconds[title]:.1f} s)[/]\n")

    def _live(self) -> None:
        """The API: profiles, a replay, labels, and ten of the decisions."""
        event_type = choose(self.story.data, self.options.event_type)
        events = history.read(self.story.data, event_type)
        client = ScoringClient(
            self.story.outputs["scoring"]["ApiUrl"],
            self.session.region_name,
            endpoint_url=self.options.endpoint_url,
            connections=CONNECTIONS,
        )
        live = Live.of(client, events, event_type, self.options.replay_days, self.options.replay)
        with self.chapter(f"Make the profiles of {len(live.past):,} earlier transactions"):
            count = live.load_profiles(self.session, f"{PREFIX}-profiles")
            self.console.print(f"{count:,} profiles")
        with self.chapter(f"Replay {len(live.recent):,} transactions of the last days through the API"):
            left_out = len(events) - len(live.past) - len(live.recent)
            if left_out:
                self.console.print(f"{left_out:,} of other cards are left out, to be done in a minute or so")
            tally = live.replay(self.console)
            self.console.print(table(tally))
            self.story.replay, self.story.latencies = dict(figures(tally)), [1000 * s for s in tally.latencies]
        with self.chapter("Report the frauds, and look at ten decisions"):
            self.console.print(f"{live.report_frauds():,} labels posted: they flow to profiles and ground truth")
            self.story.scored = live.ten_decisions(self.options.seed)

    def _event_type_name(self) -> str:
        """What the deployed function takes: the data's own event type."""
        if self.options.event_type:
            path = Path(self.options.event_type)
            return str(path.resolve()) if path.exists() else self.options.event_type
        return choose(self.options.data, None).name if self.options.data else "card-transactions"

    def _simulate(self) -> None:
        shutil.rmtree(self.story.data, ignore_errors=True)
        command = [sys.executable, "-m", "scripts.simulate", "--out", str(self.story.data)]
        command += ["--customers", str(self.options.customers), "--terminals", str(2 * self.options.customers)]
        command += ["--days", str(self.options.days), "--seed", str(self.options.seed)]
        if subprocess.run(command, cwd=ROOT).returncode:
            raise StepFailed("the simulation failed; see above")

    def _retrain(self, algorithm: str, trials: int) -> RetrainResult:
        result = retrain(
            Options(
                data=self.story.data,
                event_type=self.options.event_type,
                algorithm=algorithm,
                max_trials=trials,
                parallel_trials=2,
                endpoint_url=self.options.endpoint_url,
                region=self.session.region_name,
            ),
            self.console,
        )
        if result.status not in ("Promoted", "Rejected"):
            raise StepFailed(f"retraining ended as {result.status}: {result.cause}")
        if result.status == "Rejected" and self.story.champion is None:
            raise StepFailed(f"the first model did not pass the gate: {result.cause}")
        return result

    def _monitors(self) -> list[str]:
        return self.story.outputs["monitoring"]["Monitors"].split(",")

    def _monitor(self, start: datetime, kind: str = "data-quality") -> Verdict:
        end = _now() + timedelta(seconds=1)
        stack = self.story.outputs["monitoring"]
        return run_monitor(self.session, self.options.endpoint_url, stack, f"{PREFIX}-{kind}", start, end)

    def _hold_out(self) -> HoldOut:
        """The challenger's hold-out; also fetches what the report shows of that run."""
        bucket, run = self.story.outputs["storage"]["ArtifactsBucket"], self.story.challenger.run_id
        self.story.curves = self._json(bucket, f"runs/{run}/evaluation/curves.json")
        self.story.outputs = self._outputs()
        package = self.story.outputs["serving"]["ModelPackageArn"].partition("model-package/")[2]
        self.story.baseline = self._json(bucket, f"model-packages/{package}/data-quality/statistics.json")
        return HoldOut.of_run(self.session, bucket, run)

    def _json(self, bucket: str, key: str) -> dict[str, Any]:
        return json.load(self.session.client("s3").get_object(Bucket=bucket, Key=key)["Body"])

    def _outputs(self) -> dict[str, dict[str, str]]:
        cloudformation = self.session.client("cloudformation")
        found = {}
        for name in STACKS:
            stack = cloudformation.describe_stacks(StackName=f"{PREFIX}-{name}")["Stacks"][0]
            found[name] = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
        return found

    def _runtime(self) -> Any:
        return self.session.client("sagemaker-runtime")

    def _endpoint(self) -> str:
        return self.story.outputs["serving"]["EndpointName"]

    def _say_stack(self, line: str) -> None:
        if any(mark in line for mark in ("✅", "❌", "_FAILED", "rror:")):
            self.console.print("  " + line.strip(), highlight=False, markup=False)


def _now() -> datetime:
    return datetime.now(timezone.utc)
