"""The demo of the loop (`--loop`): live prices triple, and the platform retrains itself until the drift is gone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from rich.console import Console

from fraud import event_types
from scripts.demo import cloud
from scripts.demo.cloud import StepFailed
from scripts.demo.live import CONNECTIONS, Live
from scripts.demo.monitor import Verdict
from scripts.demo.options import ROOT, DemoOptions
from scripts.demo.story import PREFIX, Teller
from scripts.guard import ask, wait
from scripts.guarding.decisions import Decision, decisions
from scripts.guarding.display import comparison, print_decisions, print_standing, summary
from scripts.guarding.drift import drift_values
from scripts.guarding.standing import Standing, standing
from scripts.retraining.clients import Clients
from scripts.retraining.discovery import discover
from scripts.retraining.display import show
from scripts.retraining.follow import Follower, follow
from scripts.retraining.outcome import outcome
from scripts.retraining.summary import print_metrics
from scripts.scoring import history
from scripts.scoring.client import ScoringClient
from scripts.scoring.replay import replay as post

EVENT_TYPE = Path(__file__).with_name("loop-event-type.yaml")
CUSTOMERS, TERMINALS, DAYS, SPELL = 120, 1200, 40, 9
PRICE_FACTOR = 3.0
PATIENCE_SECONDS = 180
SETTINGS: dict[str, Any] = {
    # Days pass within seconds here: there is nothing to cool down from.
    "retraining": {"cooldown_hours": 0, "max_runs_per_week": 10, "minimum_new_labelled": 500, "minimum_new_frauds": 10},
    # Of a hundred customers a hold-out has few frauds: their number alone moves the metric by more than the default.
    "training": {"max_trials": 2, "gate": {"margin": 0.1, "floor": 0.05}},
    # A model that challenges the champion answers payments itself; it is started by hand, if at all.
    "serving": {"challenger": {"mode": "ab", "traffic_percent": 40, "max_instances": 2}},
    # The monitors of accounts to which Model Monitor is closed; the other demo has AWS's schedules.
    # Labels come as soon as they are posted.
    "monitoring": {"engine": "processing", "model_quality": {"start_offset": "-PT1H", "end_offset": "-PT0H"}},
}
# An alarm on an hour's data is over after 18 seconds.
ENVIRONMENT = {"LOCAL_CLOUD_ALARM_PERIOD_SCALE": "0.005"}
Found = TypeVar("Found")


@dataclass
class LoopStory:
    """What happened: verdicts of the schedule, and the drift that each alarm watches, before and after."""

    before: Verdict | None = None
    after: Verdict | None = None
    drift_before: dict[str, float] = field(default_factory=dict)
    drift_after: dict[str, float] = field(default_factory=dict)


class LoopTeller(Teller):
    """Tells the loop, one chapter after the other."""

    def __init__(self, options: DemoOptions, console: Console) -> None:
        super().__init__(replace(options, event_type=str(EVENT_TYPE), data=None), console)
        self.clients = Clients(options.endpoint_url, self.session.region_name)
        self.loop = LoopStory()

    def tell(self) -> LoopStory:
        """The whole story; raises StepFailed where it takes another turn."""
        with self.chapter("Start the local cloud"):
            cloud.start_fresh(self.options, ENVIRONMENT)
        with self.chapter("Deploy the platform with the CDK CLI"):
            cloud.deploy(self.options, str(EVENT_TYPE), SETTINGS, self._say_stack)
            self.story.outputs = self._outputs()
        with self.chapter(f"Simulate {DAYS} days to train on, and {2 * SPELL} to come"):
            live, spells = self._world()
        with self.chapter("Train a first model: logistic regression"):
            self.story.champion = self._retrain("logistic-regression", trials=2)
            self.story.outputs = self._outputs()
        with self.chapter("Ask the guard on a calm day: there is nothing new to learn"):
            live.load_profiles(self.session, f"{PREFIX}-profiles")
            self._expect(wait(self.clients, ask(self.clients, self._guard(), {"trigger": "schedule"})), "Refused")
        with self.chapter(f"{SPELL} days in which everything costs three times as much"):
            self.loop.before, self.loop.drift_before = self._live_through(live, spells[0])
        with self.chapter("The alarm, the guard, the run"):
            self._retrained()
        with self.chapter(f"{SPELL} days after, at the same prices"):
            self.loop.after, self.loop.drift_after = self._live_through(live, spells[1])
            self._until(lambda: not self._standing().alarms)
        self._conclude()
        return self.loop

    def _world(self) -> tuple[Live, list[pl.DataFrame]]:
        """Train on the first days, see the prices of the rest triple."""
        folder, event_type = self.options.out / "simulated", event_types.load(EVENT_TYPE)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.story.data, ignore_errors=True)
        command = [sys.executable, "-m", "scripts.simulate", "--out", str(folder), "--seed", str(self.options.seed)]
        command += ["--customers", str(CUSTOMERS), "--terminals", str(TERMINALS), "--days", str(DAYS + 2 * SPELL)]
        if subprocess.run(command, cwd=ROOT).returncode:
            raise StepFailed("the simulation failed; see above")
        events = history.read(folder, event_type)
        day = (pl.col(event_type.timestamp) - events[event_type.timestamp].min().replace(hour=0, minute=0, second=0)).dt
        past = events.filter(day.total_days() < DAYS)
        dear = events.with_columns(pl.col(event_type.amount) * PRICE_FACTOR)
        spells = [dear.filter(day.total_days().is_between(first, first + SPELL - 1)) for first in (DAYS, DAYS + SPELL)]
        self.story.data.mkdir(parents=True)
        past.drop("__row", "__file", "__unreadable", strict=False).write_parquet(self.story.data / "past.parquet")
        url, region = self.story.outputs["scoring"]["ApiUrl"], self.session.region_name
        client = ScoringClient(url, region, endpoint_url=self.options.endpoint_url, connections=CONNECTIONS)
        return Live(client, event_type, past, spells[0]), spells

    def _live_through(self, live: Live, events: pl.DataFrame) -> tuple[Verdict, dict[str, float]]:
        """Post the events day by day, with each day's frauds reported the day after; run the schedule over them."""
        began, frauds = _now(), 0
        dates = pl.col(live.event_type.timestamp).dt.date()
        for _, day in events.group_by(dates, maintain_order=True):
            sent = list(history.payloads(day, live.event_type))
            post(live.client, sent, len(sent), CONNECTIONS, lambda _: None)
            for payload in sent:
                if payload.is_fraud:
                    time_ = datetime.fromisoformat(str(payload.body[live.event_type.timestamp]).replace("Z", "+00:00"))
                    live.client.label(payload.id, "fraud", (time_ + timedelta(days=1)).isoformat())
                    frauds += 1
        self.console.print(f"{len(events):,} transactions decided, {frauds:,} frauds reported", highlight=False)
        self.console.print("running the schedule over them …")
        verdict = self._monitor(began)
        drifted = ", ".join(verdict.drifted_features) or "none"
        self.console.print(f"{verdict.status}; features that drifted: {drifted}", highlight=False, soft_wrap=True)
        return verdict, drift_values(self.clients, PREFIX, began)

    def _retrained(self) -> None:
        first = self._until(lambda: next((one for one in self._decisions() if one.trigger == "alarm"), None))
        self.console.print(f"{first.alarm} went off and asked the guard …", highlight=False)
        # Several alarms go off over one shock: the guard that was asked first goes on, the others refuse.
        started = self._until(self._started_by_alarm)
        self._expect(started, "Started")
        # Whoever asks while a run is in flight is refused, overrides or not.
        again = ask(self.clients, self._guard(), {"trigger": "operator", "override": ["cooldown", "weekly-limit"]})
        self._expect(wait(self.clients, again), "Refused")
        platform = discover(self.clients, PREFIX)
        last = show(follow(Follower(self.clients, platform, started.run)), self.console)
        result = outcome(self.clients, platform, last, "")
        if result.evaluation:
            print_metrics(result.evaluation, self.console)
        if result.status != "Promoted":
            raise StepFailed(f"the run {started.run} ended as {result.status}: {result.cause}")
        self.console.print(f"Promoted: {result.model_package_arn}", highlight=False, soft_wrap=True)
        self._until(lambda: not self._standing().alarms)

    def _started_by_alarm(self) -> Decision | None:
        asked = [one for one in self._decisions() if one.trigger == "alarm"]
        if started := next((one for one in asked if one.status == "Started"), None):
            # At once: an alarm that goes off later may be answered when the run is over.
            return started
        return asked[-1] if asked and all(one.status != "Running" for one in asked) else None

    def _conclude(self) -> None:
        before, after = self.loop.before, self.loop.after
        self.console.rule("[bold]Before and after[/]", align="left")
        rows = {
            "status": (before.status, after.status),
            "features that drift": (f"{len(before.drifted_features)}", f"{len(after.drifted_features)}"),
            **{
                name: (f"{value:.3f}", f"{self.loop.drift_after.get(name, float('nan')):.3f}")
                for name, value in self.loop.drift_before.items()
            },
        }
        self.console.print(comparison(("", "shock, old model", "after, new model"), rows))
        self.console.print()
        print_standing(self._standing(), self.console)
        self.console.print()
        print_decisions(self._decisions(), self.console)

    def _expect(self, decision: Decision, status: str) -> None:
        print_decisions([decision], self.console)
        if decision.status != status:
            raise StepFailed(f"the guard was expected to answer {status}, not {decision.status}: {summary(decision)}")

    def _guard(self) -> str:
        return self.story.outputs["retraining-loop"]["GuardArn"]

    def _decisions(self) -> list[Decision]:
        return decisions(self.clients, self._guard())

    def _standing(self) -> Standing:
        return standing(self.clients, PREFIX, self._guard(), self.story.outputs["training"]["StateMachineArn"])

    def _until(self, look: Callable[[], Found | None]) -> Found:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(1)
        raise StepFailed(
            f"nothing happened within {PATIENCE_SECONDS} s; `python -m scripts.guard status` shows how it stands"
        )


def _now() -> datetime:
    return datetime.now(timezone.utc)
