# ruff: noqa: SIM112 - AWS names its variables so.
"""Stands in for Model Monitor's merger: joins captures and ground truth by eventId, in the layout of captures."""

import json
import os
from pathlib import Path


def main() -> None:
    captures, truth = Path(os.environ["dataset_source"]), Path(os.environ["ground_truth_source"])
    output = Path(os.environ["output_path"])
    labels = {}
    for path in truth.rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            body = json.loads(line)
            labels[body["eventMetadata"]["eventId"]] = body["groundTruthData"]
    for path in captures.rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            body = json.loads(line)
            label = labels.get(body["eventMetadata"].get("inferenceId"))
            if label is not None:
                target = output / path.parent.relative_to(captures) / "part-00000.jsonl"
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("a") as file:
                    file.write(json.dumps({**body, "groundTruthData": label}) + "\n")


main()
