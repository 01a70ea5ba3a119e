"""What the demo can be told."""

import argparse
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Options of the demo; paths are resolved against the caller's folder."""

    data: Path | None
    event_type: str | None
    port: int
    out: Path
    state_dir: Path
    customers: int
    days: int
    seed: int
    trials: int
    replay_days: float
    replay: int
    loop: bool
    stop: bool

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def parse(argv: list[str] | None = None) -> DemoOptions:
    parser = argparse.ArgumentParser(prog="scripts.demo", description=__doc__)
    parser.add_argument("--data", type=Path, help="parquet or CSV file (or folder) to use instead of simulated data")
    parser.add_argument("--event-type", help="name of a shipped event type, or a YAML file that maps the columns")
    parser.add_argument("--port", type=int, default=4566, help="port of the local cloud (default 4566)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "demo", help="folder of the report")
    parser.add_argument("--state-dir", type=Path, default=ROOT / ".local-cloud" / "demo", help="state of the cloud")
    parser.add_argument("--customers", type=int, default=1_750, help="simulated customers (default 1750)")
    parser.add_argument("--days", type=int, default=95, help="simulated days (default 95)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulation (default 0)")
    parser.add_argument("--trials", type=int, default=6, help="tuning trials of the challenger (default 6)")
    parser.add_argument("--replay-days", type=float, default=7.0, help="days replayed through the API (default 7)")
    parser.add_argument("--replay", type=int, default=4_000, help="about so many transactions of them (default 4000)")
    parser.add_argument(
        "--loop",
        action="store_true",
        help="another, shorter story: prices triple in live traffic, and the platform retrains itself",
    )
    parser.add_argument("--stop", action="store_true", help="stop the local cloud at the end instead of leaving it up")
    return DemoOptions(**vars(parser.parse_args(argv)))
