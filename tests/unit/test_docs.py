"""What the documentation names is there: links, `make` targets, and commands with their options."""

import argparse
import importlib
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([REPOSITORY / "README.md", *REPOSITORY.glob("*/*.md")])
SOURCES = [*PAGES, *sorted((REPOSITORY / "scripts").glob("*.py"))]
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`(?:\.venv/bin/)?python -m ((?:scripts|local_cloud)[\w.]*) ([^`]+)`")
_LINE = re.compile(r"^ *(?:\.venv/bin/)?python -m ((?:scripts|local_cloud)[\w.]*) (.+)")


class _Understood(Exception):
    pass


def _named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _examples(text: str) -> Iterator[tuple[str, str]]:
    """(module, the rest of the command) of code spans, and of lines with what a quote or backslash adds to them."""
    yield from _SPAN.findall(text)
    lines = iter(text.splitlines())
    for line in lines:
        if found := _LINE.match(line):
            module, rest = found.groups()
            while rest.endswith("\\") or rest.count("'") % 2:
                rest = rest.removesuffix("\\") + " " + next(lines).strip()
            # Explanations stand at some distance.
            yield module, re.sub(r" {3,}.*", "", rest)


def _commands() -> list[tuple[str, str, list[str]]]:
    """(file, module, arguments) of every example; in brackets stands what is no example but a synopsis."""
    return [
        (_named(source), module, shlex.split(re.split(r" [|>] ", rest)[0], comments=True))
        for source in SOURCES
        for module, rest in _examples(source.read_text(encoding="utf-8"))
        if "[" not in rest
    ]


COMMANDS = _commands()


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if re.match(r"https?:", link):
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def test_the_readme_names_every_page() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"]({_named(page)})" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_make_has_the_targets(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets


def test_examples_are_found() -> None:
    assert len(COMMANDS) > 60


@pytest.mark.parametrize(
    ("page", "module", "arguments"), COMMANDS, ids=[f"{p}-{' '.join(a)[:40]}" for p, _, a in COMMANDS]
)
def test_commands_take_these_arguments(
    page: str, module: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parse = argparse.ArgumentParser.parse_args

    def parsed(*given, **options):
        parse(*given, **options)
        raise _Understood

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    command = importlib.import_module("local_cloud.cli" if module == "local_cloud" else module)
    if "parse_args" not in inspect.getsource(command):
        return
    try:
        with pytest.raises(_Understood):
            command.main(arguments)
    except SystemExit:
        pytest.fail(capsys.readouterr().err)
