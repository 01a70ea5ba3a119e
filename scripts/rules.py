"""Rule sets and lists: check them, save versions, put one in force, compare them.

    python -m scripts.rules starter > rules.yaml         the platform's own rules, to edit
    python -m scripts.rules validate rules.yaml          is it right? (needs no AWS)
    python -m scripts.rules publish rules.yaml           save it as a new version
    python -m scripts.rules activate 3                   put version 3 in force, or roll back to it
    python -m scripts.rules lists add blocked 596        block customer 596 now

Exit codes: 0 done, 1 failed, 2 bad input, 3 somebody else was first; in all but the first nothing was changed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from scripts.ruling import commands, lists
from scripts.scoring.options import add_platform, run


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.rules", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = argparse.ArgumentParser(add_help=False)
    add_platform(common)
    common.add_argument("--event-type", help="a shipped name or a YAML file (default: the environment's)")
    common.add_argument("--author", help="who does it (default: who the credentials belong to)")
    saving = argparse.ArgumentParser(add_help=False)
    saving.add_argument("--comment", default="", help="why, for those who look later")
    actions = result.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, work, words: str, *more: argparse.ArgumentParser, to=actions) -> argparse.ArgumentParser:
        action = to.add_parser(name, help=words, description=words, parents=[common, *more])
        action.set_defaults(work=work, action=name)
        return action

    add("validate", commands.validate, "check a file against the event type").add_argument("file", type=Path)
    action = add("publish", commands.publish, "save a file as a new version", saving)
    action.add_argument("file", type=Path)
    action.add_argument("--activate", action="store_true", help="put it in force at once")
    add("list", commands.show_versions, "list the versions")
    add("show", commands.show, "print a version (default: the one in force)").add_argument(
        "version", type=_version, nargs="?"
    )
    add("activate", commands.activate, "put a version in force, an earlier one too").add_argument(
        "version", type=_version
    )
    action = add("diff", commands.diff, "compare two versions, files, `active` or `starter`")
    action.add_argument("a")
    action.add_argument("b")
    action = add("convert", commands.convert, "print rules of Amazon Fraud Detector as a rule set")
    action.add_argument("file", type=Path, help="what `aws frauddetector get-rules` printed")
    action.add_argument("--detector", type=Path, help="what `aws frauddetector get-detector-version` printed")
    action.add_argument("--rename", action="append", default=[], metavar="THEIRS=OURS", help="a variable's other name")
    add("starter", commands.starter, "print the platform's own rules, with the variables there are")
    of_lists = actions.add_parser("lists", help="lists that rules look into").add_subparsers(
        required=True, metavar="COMMAND"
    )
    add("list", lists.show_all, "name all lists", to=of_lists)
    action = add("publish", lists.publish, "save a file as a list's new version, in force", saving, to=of_lists)
    action.add_argument("name")
    action.add_argument("file", type=Path, help="a text a line, or a JSON list")
    action.add_argument("--no-activate", dest="activate", action="store_false", help="only save it")
    action = add("show", lists.show, "print a list (default: the version in force)", to=of_lists)
    action.add_argument("name")
    action.add_argument("version", type=_version, nargs="?")
    action.add_argument("--versions", action="store_true", help="list its versions instead")
    action = add("activate", lists.activate, "put a list's version in force", to=of_lists)
    action.add_argument("name")
    action.add_argument("version", type=_version)
    for name, words in (("add", "add texts to a list"), ("remove", "remove texts from a list")):
        action = add(name, lists.change, f"{words}, in force at once", saving, to=of_lists)
        action.add_argument("name")
        action.add_argument("texts", nargs="+", metavar="TEXT")
    return result


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(arguments)
    out, err = Console(), Console(stderr=True)
    return run("rules", lambda: options.work(options, out, err))


def _version(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a version: a number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
