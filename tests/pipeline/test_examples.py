"""The examples run as they are written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kinema.motion import Motion
from tests.helpers.video_clips import write_clip

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def run(name: str, *arguments: object) -> str:
    command = [sys.executable, str(EXAMPLES / name / "main.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_examples(networks, tmp_path, pictures):
    clip = write_clip(
        tmp_path / "clip.mp4", range(len(pictures)), width=640, height=480, rate=10, draw=lambda i, w, h: pictures[i]
    )
    printed = run("01_video_to_motion", clip)
    assert "16 frames" in printed
    assert "done: world" in printed
    assert Motion.load(tmp_path / "clip.npz").people
    printed = run("02_stages_alone", tmp_path / "clip.pkl")
    assert "jitter" in printed
    assert [stage.name for stage in Motion.load(tmp_path / "clip_smoother.pkl").provenance][-2:] == [
        "filter.gaussian",
        "world",
    ]


def test_every_example_has_a_test():
    assert {folder.name for folder in EXAMPLES.iterdir()} == {"01_video_to_motion", "02_stages_alone"}
