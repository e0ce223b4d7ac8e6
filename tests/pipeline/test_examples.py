"""The examples run as they are written."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema.motion import Motion
from tests.contracts.samples import walk
from tests.helpers.video_clips import write_clip

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def run(name: str, *arguments: object, cwd: Path | None = None) -> str:
    command = [sys.executable, str(EXAMPLES / name / "main.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_video_to_motion(networks, tmp_path, pictures):
    clip = write_clip(
        tmp_path / "clip.mp4", range(len(pictures)), width=640, height=480, rate=10, draw=lambda i, w, h: pictures[i]
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    printed = run("01_video_to_motion", clip, cwd=elsewhere)
    assert "16 frames" in printed
    assert "done: world" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "elsewhere"]
    assert Motion.load(elsewhere / "clip.npz").people


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return walk().save(tmp_path_factory.mktemp("example") / "smpl_output.pkl")


def test_stages_alone(result):
    assert "person 1: jitter" in run("02_stages_alone", result)
    smoother = Motion.load(result.with_name("smpl_output_smoother.pkl"))
    assert [stage.name for stage in smoother.provenance][-2:] == ["filter", "world"]


def test_a_refiner_is_added(result):
    printed = run("03_add_a_refiner", result)
    assert "person 1: first shape component" in printed
    assert "recorded: average-shape {'keep': 0.2, 'people': 1}" in printed
    averaged = Motion.load(result.with_name("smpl_output_average.pkl"))
    assert "average-shape" in [stage.name for stage in averaged.provenance]
    before, after = Motion.load(result).people[0], averaged.people[0]
    np.testing.assert_allclose(after.betas, 0.5 * before.betas)
    np.testing.assert_allclose(after.joints[:, 0], before.joints[:, 0], atol=1e-9)


def test_files(result):
    printed = run("04_files", result)
    assert printed.startswith("Motion(")
    assert "wrote stable.bvh" in printed
    assert {path.name for path in result.parent.glob("stable.*")} == {"stable.npz", "stable.bvh", "stable.glb"}


def test_comparing_with_truth(result):
    kinema.export(result, result.with_name("truth.trc"))
    printed = run("05_compare_with_truth", result, result)
    assert printed.splitlines()[1].split()[-2:] == ["0.0", "0.0"]
    assert len(printed.splitlines()) == 5


def test_the_notebook_runs(monkeypatch, capsys):
    """Its cells in order, in one namespace, and the value of a cell's last line shown as a notebook would."""
    notebook = json.loads((EXAMPLES / "tour.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells), "strip the outputs of tour.ipynb"
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict = {"__name__": "__main__"}
    shown = []
    for cell in cells:
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "tour.ipynb", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "tour.ipynb", "eval"), names)
            shown += [value._repr_html_()] if hasattr(value, "_repr_html_") else []
    assert len(shown) >= 4
    assert all("<table>" in html for html in shown)
    printed = capsys.readouterr().out
    noisy, smooth = (float(part.split()[0]) for part in re.findall(r"(?:noisy|smooth): (\S+)", printed))
    assert smooth < noisy


def test_every_example_is_tested_and_listed():
    text = Path(__file__).read_text(encoding="utf-8")
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for each in EXAMPLES.iterdir():
        if each.is_dir():
            assert f'run("{each.name}"' in text
        if each.name != "README.md":
            assert f"[{each.name}](" in listed
