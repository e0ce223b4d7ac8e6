"""The stated minima, and the set of tests that runs with them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

pytest.importorskip("pip", reason="the tool uses pip's reader of requirements")

import compatibility  # noqa: E402
from minimum_versions import minimum_versions  # noqa: E402


def test_every_dependency_states_a_lowest_version_that_is_complete():
    printed = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "minimum_versions.py")], capture_output=True, text=True, check=True
    ).stdout.split()
    assert printed == minimum_versions()
    names = [line.split("==")[0] for line in printed]
    assert len(set(names)) == len(names)
    assert {"numpy", "scipy", "av", "opencv-python-headless", "onnxruntime", "rich"} <= set(names)
    for extra in ("torch", "train", "plot", "dev"):
        assert len(minimum_versions((extra,))) > len(printed)


def test_the_pins_lie_at_or_above_the_minima():
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.version import Version

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {}
    for requirement in (Requirement(line) for line in lines if line.strip() and not line.startswith("#")):
        if requirement.marker is None or requirement.marker.evaluate():
            pins[requirement.name.lower()] = Version(str(requirement.specifier).removeprefix("=="))
    for name, lowest in (line.split("==") for line in minimum_versions(("torch", "train", "plot"))):
        assert pins[name.lower()] >= Version(lowest), name


def test_the_tests_of_the_small_set_are_there():
    assert not [path for path in compatibility.TESTS if not (ROOT / path).exists()]


def test_an_interpreter_is_found_or_not():
    version = "{}.{}".format(*sys.version_info)
    found = compatibility.interpreter(version)
    if found is not None:
        asked = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        assert re.match(rf"Python {re.escape(version)}\.", asked)
    assert compatibility.interpreter("3.99") is None


def test_a_python_that_is_not_there_is_named_and_is_no_failure(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["compatibility.py", "--python", "3.98", "3.99"])
    assert compatibility.main() == 0
    assert capsys.readouterr().out == (
        "Python 3.98: not on this machine, left out\nPython 3.99: not on this machine, left out\n"
    )


def test_a_set_that_fails_is_named_and_fails(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["compatibility.py", "--python", "3.12", "--tests", "any"])
    monkeypatch.setattr(compatibility, "interpreter", lambda version: "python")
    monkeypatch.setattr(compatibility, "install", lambda python, folder, versions, log: Path(versions))
    monkeypatch.setattr(compatibility, "run_tests", lambda python, tests, log: int(python == Path("oldest")))
    assert compatibility.main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "failed: Python 3.12, oldest versions"
