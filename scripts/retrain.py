"""Retrain a model on the deployed platform and follow the run to its end.

    python -m scripts.retrain --env dev --data transactions.parquet

Exit codes: 0 promoted (by now replaced by another, perhaps) or awaiting approval, 1 failed, 2 bad input (nothing was
started), 3 rejected by the gate, 130 detached.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from scripts.retraining import OperatorError, Options, retrain
from scripts.retraining.options import ALGORITHMS, ENVIRONMENTS


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.retrain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("--env", dest="environment", default="dev", choices=ENVIRONMENTS, help="the environment (default: dev)")
    add("--data", required=True, type=Path, help="a parquet or csv file, or a folder of them")
    add("--event-type", help="a shipped event type's name or a YAML file (default: the one that fits the columns)")
    add("--algorithm", default="xgboost", choices=ALGORITHMS, help="what is trained (default: xgboost)")
    add("--max-trials", type=int, help="trials of the tuning job (default: the platform's configuration)")
    add("--parallel-trials", type=int, help="trials at the same time (default: the platform's configuration)")
    add("--force", action="store_true", help="run again although the same inputs have succeeded")
    add("--accept-labels", action="store_true", help="learn labels that look implausible all the same")
    add("--no-follow", dest="follow", action="store_false", help="start the run and return at once")
    add("--endpoint-url", help="another cloud than AWS (default: AWS_ENDPOINT_URL)")
    add("--region", help="the region (default: the profile's, else us-east-1)")
    add("--project", default="fraudstack", help=argparse.SUPPRESS)
    return result


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the command and return its exit code."""
    options = Options(**vars(parser().parse_args(arguments)))
    try:
        return retrain(options, console).exit_code
    except OperatorError as error:
        (console or Console(stderr=True)).print(f"retrain: {error}", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    except KeyboardInterrupt:
        print("retrain: interrupted before the run started; run the same command again.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
