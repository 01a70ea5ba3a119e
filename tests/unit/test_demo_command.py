"""The demo beside another one."""

import fcntl
import os
import subprocess

import pytest

from scripts.demo import __main__ as demo


def test_a_second_demo_on_the_same_state_leaves_the_first_one_alone(tmp_path, monkeypatch, capsys):
    """Promised: it says so and what to do, instead of stopping the cloud that the first one uses."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a command was run"))
    with (tmp_path / "demo.lock").open("a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert demo.main(["--state-dir", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "another demo is being told on" in (said := capsys.readouterr().err) and "--state-dir" in said
