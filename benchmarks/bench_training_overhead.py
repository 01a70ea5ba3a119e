"""What the local cloud adds to a training job over running its code directly.

    python benchmarks/bench_training_overhead.py [--repeats 5]

The same script runs as ``python train.py`` and as a training job in script mode (upload of code and data excluded),
in turns, on a server of its own. Printed are the medians, their ratio and their difference; the exit code is 1 when
the difference is above the bound of 1.5 s.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console
from rich.table import Table

from tests.local_cloud import jobs
from tests.local_cloud.conftest import Cloud, unique

BOUND_SECONDS = 1.5
SCRIPT = """
import os, pathlib
import numpy as np, xgboost as xgb
rows = np.loadtxt(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.csv", delimiter=",")
booster = xgb.train({"nthread": 1, "max_depth": 6}, xgb.DMatrix(rows[:, 1:], rows[:, 0]), num_boost_round=60)
booster.save_model(pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.json")
print("validation:score=1.0")
"""


def data() -> str:
    import numpy as np

    generator = np.random.default_rng(0)
    features = generator.normal(size=(2_000, 20))
    label = (features[:, 0] + features[:, 1] ** 2 > 1).astype(float)
    return "\n".join(",".join(f"{value:.4f}" for value in (y, *row)) for y, row in zip(label, features, strict=True))


def directly(folder: Path) -> float:
    environment = {**os.environ, "SM_CHANNEL_TRAIN": str(folder), "SM_MODEL_DIR": str(folder)}
    started = time.perf_counter()
    subprocess.run([sys.executable, str(folder / "train.py")], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def as_job(cloud: Cloud, request: dict) -> float:
    client = cloud.client("sagemaker")
    name = unique("bench")
    started = time.perf_counter()
    client.create_training_job(**{**request, "TrainingJobName": name})
    while (job := client.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
        time.sleep(0.02)
    elapsed = time.perf_counter() - started
    if job["TrainingJobStatus"] != "Completed":
        raise SystemExit(job.get("FailureReason"))
    return elapsed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    times: dict[str, list[float]] = {"directly": [], "as a training job": []}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "train.py").write_text(SCRIPT)
        (folder / "train.csv").write_text(data())
        cloud = Cloud(folder / "state")
        cloud.run("up")
        try:
            where = jobs.bucket(cloud)
            uri = jobs.put(cloud, f"s3://{where}/data/train.csv", (folder / "train.csv").read_bytes())
            channels = [jobs.channel("train", uri)]
            request = jobs.training_request(cloud, where, SCRIPT, InputDataConfig=channels, EnableNetworkIsolation=True)
            directly(folder), as_job(cloud, request)
            for _ in range(repeats):
                times["directly"].append(directly(folder))
                times["as a training job"].append(as_job(cloud, request))
        finally:
            cloud.run("down")
    return report(times)


def report(times: dict[str, list[float]]) -> int:
    direct, job = (statistics.median(values) for values in times.values())
    table = Table("", "median s", "least s", "most s", title=f"{len(times['directly'])} repeats in turns")
    for name, values in times.items():
        table.add_row(name, f"{statistics.median(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}")
    Console().print(table)
    print(f"ratio {job / direct:.2f}, difference {job - direct:.2f} s (bound {BOUND_SECONDS} s)")
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores:
        print(f"The machine is busy (load {load:.1f} on {cores} cores): on a quiet one both times are shorter.")
    return 0 if job - direct <= BOUND_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
