"""Entry of the server: `python -m inference_code.server [--model-dir FOLDER] [--port PORT] [--workers N]`.

SageMaker starts its image with the argument `serve`. What is not given comes from the environment; see settings.py.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from inference_code.server.balance import Shares
from inference_code.server.settings import SettingsError, from_environment
from inference_code.server.supervisor import listen, supervise


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m inference_code.server", description="Serve a model package.")
    parser.add_argument("command", nargs="?", choices=["serve"], help="what SageMaker says; it changes nothing")
    parser.add_argument("--model-dir", type=Path, help="folder of the unpacked model package")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="0 for any free one")
    parser.add_argument("--workers", type=int, help="processes, each with the model (default: one for each core)")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    given.pop("command", None)
    # A worker for each core has one core; set before the libraries that read them are imported.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        settings = replace(from_environment(os.environ), **given)
        listener = listen(settings)
    except (SettingsError, OSError, OverflowError) as error:
        print(f"The server was not started: {error}", file=sys.stderr)
        return 2
    settings = replace(settings, port=listener.getsockname()[1])
    supervisor, shares = os.getpid(), Shares(settings.workers)

    def work(worker: int) -> None:
        # Not before the fork: it imports what starts threads.
        from inference_code.server.worker import serve

        serve(settings, listener, supervisor, shares, worker)

    return supervise(settings, listener, shares, work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
