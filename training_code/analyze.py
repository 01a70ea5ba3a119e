"""Processing job under Model Monitor's contract: data quality, model quality, bias and feature attribution.

Settings come in the environment, as Model Monitor sets it, and from this project's own additions: docs/monitoring.md
lists them all. `analysis_type` chooses the kind (DATA_QUALITY where it is not set). Reports go to output_path, the
verdict to output/message.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
if str(SOURCE) not in sys.path:
    sys.path.insert(0, str(SOURCE))

from training_code import bootstrap, entry  # noqa: E402
from training_code.monitoring.drift import add_drift  # noqa: E402
from training_code.monitoring.pages import write_pages  # noqa: E402
from training_code.monitoring.report import write_report  # noqa: E402
from training_code.monitoring.results import Outcome, write_json  # noqa: E402
from training_code.monitoring.settings import AnalysisError, read_settings  # noqa: E402


def analyze(environment: Mapping[str, str], base: Path) -> str:
    """Run the analysis and write its files; return the exit message."""
    settings = read_settings(environment, base)
    settings.output.mkdir(parents=True, exist_ok=True)
    kind = importlib.import_module(f"training_code.monitoring.{settings.kind.lower()}")
    # A script that cannot run is found before the work, not after it.
    postprocess = _postprocessor(settings.postprocessor) if settings.postprocessor else None
    outcome = kind.run(settings)
    _some_understood(outcome)
    if settings.kind == "DATA_QUALITY":
        outcome = add_drift(settings, outcome)
    summary = {**outcome.summary(settings), "metrics_pages": write_pages(settings.output)}
    write_report(settings, summary)
    write_json(settings.output / "run.json", summary)
    if postprocess:
        print("running the post-analytics processor", flush=True)
        postprocess()
    return outcome.message


def _some_understood(outcome: Outcome) -> None:
    """A window that nothing could be read of is no window without data, which is a good result."""
    lost = outcome.counts.get("malformed", 0) + outcome.counts.get("truncated_files", 0)
    if not outcome.rows and lost > outcome.counts.get("unmatched", 0):
        raise AnalysisError(
            f"dataset_source: there are records, and none can be understood ({lost} were left out, see the log): is "
            "what captures them, or the model's schema, another than the baseline's?"
        )


def _postprocessor(script: Path) -> Callable[[], object]:
    from fraud.monitoring.user_scripts import load_postprocessor

    return load_postprocessor(script)


def main() -> int:
    """Entry point; return the exit code."""
    base = entry.base_folder()

    def work() -> None:
        # Model Monitor gives a job no such input: then the image itself has what is needed.
        if bootstrap.wheels_folder().is_dir():
            bootstrap.install()
        message = analyze(os.environ, base)
        (base / "output").mkdir(parents=True, exist_ok=True)
        (base / "output" / "message").write_text(message, encoding="utf-8")
        print(message, flush=True)

    return entry.run(work)


if __name__ == "__main__":
    sys.exit(main())
