"""`python -m scripts.demo`: exit code 0 with a report, or 1 with the cause."""

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from scripts.cdk import ACCOUNT
from scripts.demo import cloud, options
from scripts.demo.loop import LoopTeller
from scripts.demo.story import Teller
from scripts.demo.summary import print_story, write_report
from scripts.retraining.errors import OperatorError


def main(argv: list[str] | None = None) -> int:
    chosen = options.parse(argv)
    _only_the_local_cloud(chosen.endpoint_url)
    console, errors = Console(), Console(stderr=True)
    try:
        report = _loop(chosen, console) if chosen.loop else _whole(chosen, console)
    except (cloud.StepFailed, OperatorError) as error:
        errors.print(f"[red]error:[/] {escape(str(error))}", highlight=False)
        return getattr(error, "exit_code", 1)
    except KeyboardInterrupt:
        errors.print(f"stopped; `python -m local_cloud down --state-dir {chosen.state_dir}` ends the local cloud")
        return 130
    if report:
        console.print(f"\nReport: [bold]{report}[/]", soft_wrap=True)
    if chosen.stop:
        cloud.stop(chosen)
    else:
        console.print(f"The cloud stays up at {chosen.endpoint_url}; `make down` stops it.")
    return 0


def _whole(chosen: options.DemoOptions, console: Console) -> Path:
    story = Teller(chosen, console).tell()
    print_story(story, console)
    return write_report(story, chosen)


def _loop(chosen: options.DemoOptions, console: Console) -> None:
    LoopTeller(chosen, console).tell()


def _only_the_local_cloud(endpoint_url: str) -> None:
    """Every client of this process talks to the local cloud, whatever the shell's AWS settings are."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


if __name__ == "__main__":
    sys.exit(main())
