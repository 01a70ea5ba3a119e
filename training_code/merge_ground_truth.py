"""Processing job under the contract of Model Monitor's merge container: captures and ground truth into one data set.

Settings come in the environment: dataset_source and ground_truth_source (folders of JSON lines), output_path, and this
project's start_time and end_time. For each folder of captures one file of the records that have a label is written,
captureData and groundTruthData in one line.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
if str(SOURCE) not in sys.path:
    sys.path.insert(0, str(SOURCE))

from training_code import bootstrap, entry  # noqa: E402
from training_code.monitoring import labelled  # noqa: E402
from training_code.monitoring.settings import read_settings  # noqa: E402


def merge(environment: Mapping[str, str], base: Path) -> Counter[str]:
    """Write the merged files; return what was counted."""
    from fraud.monitoring.merging import merged_line

    defaults = {
        "dataset_source": str(base / "processing" / "input_data"),
        "ground_truth_source": str(base / "processing" / "groundtruth"),
    }
    settings = read_settings({**defaults, **environment}, base)
    settings.output.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    written: set[Path] = set()
    for folder, records in groupby(labelled.labelled_records(settings, counts), key=lambda record: record.folder):
        target = settings.output / folder / "part-00000.c000.jsonl"
        target.parent.mkdir(parents=True, exist_ok=True)
        # A folder's records may come in several runs: folders of folders lie between.
        with target.open("a" if folder in written else "w", encoding="utf-8") as file:
            file.writelines(map(merged_line, records))
        written.add(folder)
    return counts


def main() -> int:
    """Entry point; return the exit code."""
    base = entry.base_folder()

    def work() -> None:
        if bootstrap.wheels_folder().is_dir():
            bootstrap.install()
        counts = merge(os.environ, base)
        print(f"{counts['matched']} records merged with their labels", flush=True)
        labelled.explain(counts)

    return entry.run(work)


if __name__ == "__main__":
    sys.exit(main())
