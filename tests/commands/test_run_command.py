"""`kinema run` as a person types it, on a chain of fake stages."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import InputError
from kinema.pipeline.options import public_settings, time_range
from kinema.refinement import REFINERS
from tests.helpers.fakes import FakeChain, write_clip


@pytest.fixture
def fake(monkeypatch, tmp_path) -> FakeChain:
    """The command in a folder of its own, with fake stages behind it."""
    chain = FakeChain()
    monkeypatch.setattr("kinema.pipeline.running.chain", chain.steps)
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4")
    return chain


def test_one_video(fake, capsys):
    assert main(["run", "clip.mp4", "--no-overlay"]) == 0
    printed = capsys.readouterr()
    assert "1 person in 12 frames" in printed.out
    assert "smpl_output.pkl" in printed.out
    assert "output-pkl-files/clip.pkl" in printed.out
    assert "tracking people" in printed.err
    assert main(["run", "clip.mp4", "--no-overlay"]) == 0
    assert "nothing was repeated (--force repeats it)" in capsys.readouterr().out


def test_quiet_prints_nothing(fake, capsys):
    assert main(["run", "clip.mp4", "--no-overlay", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_json_is_all_that_stdout_holds(fake, capsys):
    assert main(["run", "clip.mp4", "missing.mp4", "--no-overlay", "--json"]) == 3
    first, second = json.loads(capsys.readouterr().out)
    assert (first["status"], first["exit_code"]) == ("done", 0)
    assert (second["status"], second["exit_code"]) == ("failed", 3)
    assert "missing.mp4" in second["error"]


def test_several_videos_go_on_after_one_that_fails(fake, capsys, tmp_path):
    write_clip(tmp_path / "other.mp4", seed=2)
    (tmp_path / "broken.mp4").write_bytes(b"no video at all")
    assert main(["run", "missing.mp4", "clip.mp4", "broken.mp4", "other.mp4", "--no-overlay"]) == 3
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.startswith("kinema: ")]
    assert len(lines) == 2
    for name in ("missing.mp4", "clip.mp4", "broken.mp4", "other.mp4"):
        assert name in printed.out.split("folder or error")[1]
    assert (tmp_path / "output-pkl-files" / "other.pkl").is_file()


def test_ctrl_c_reports_how_to_continue(fake, capsys):
    def stop():
        raise KeyboardInterrupt

    fake.before["fit"] = stop
    assert main(["run", "clip.mp4", "--no-overlay"]) == 130
    assert "run the same command again to continue" in capsys.readouterr().err
    fake.before.clear()
    assert main(["run", "clip.mp4", "--no-overlay"]) == 0
    assert fake.calls.count("track") == 1


def test_nobody_is_exit_code_3_and_one_line(fake, capsys):
    fake.people = 0
    assert main(["run", "clip.mp4", "--quiet"]) == 3
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["run", "missing.mp4"], 3),
        (["run", "clip.mp4", "--height", "17"], 2),
        (["run", "clip.mp4", "--estimator", "magic"], 2),
        (["run", "clip.mp4", "--body-model", "missing.pkl"], 3),
        (["run", ""], 2),
    ],
)
def test_wrong_calls_are_one_sentence(fake, capsys, arguments, code):
    assert main(arguments) == code
    printed = capsys.readouterr()
    assert printed.err.startswith("kinema: ")
    assert printed.err.count("\n") == 1
    assert fake.calls == []


@pytest.mark.parametrize("arguments", [["run"], ["run", "a", "--filter", "magic"], ["run", "a", "--time-range", "x"]])
def test_what_the_parser_refuses_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2-8", (2.0, 8.0)), ("2-", (2.0, None)), ("-8.5", (None, 8.5)), ("1:05-1:20.5", (65.0, 80.5))],
)
def test_time_ranges(text, expected):
    assert time_range(text) == expected


def test_the_filters_offered_are_those_there_are():
    offered = set(public_settings()["filter"].setting.choices) - {"none"}
    assert offered == {refiner.name for refiner in REFINERS if refiner.kind == "filter"}


def test_the_table_of_several_videos_names_options_like_the_errors(fake, capsys, monkeypatch):
    """`--time-range`, not `time_range`: what can be typed."""

    def nobody(*_, **__):
        raise InputError("nobody was found; choose the part of it with `time_range`")

    monkeypatch.setattr("kinema.pipeline.run", nobody)
    assert main(["run", "clip.mp4", "clip.mp4", "--no-overlay"]) == 3
    assert capsys.readouterr().out.count("with --time-range") == 2


def test_a_folder_of_videos_stands_for_its_videos(fake, capsys, tmp_path):
    (tmp_path / "day").mkdir()
    for number in (10, 2):
        write_clip(tmp_path / "day" / f"take{number}.mp4", seed=number)
    (tmp_path / "day" / "notes.txt").write_text("sunny")
    assert main(["run", "day", "clip.mp4", "--no-overlay"]) == 0
    table = capsys.readouterr().out.split("folder or error")[1].split()
    assert [word for word in table if word.endswith(".mp4")] == ["day/take2.mp4", "day/take10.mp4", "clip.mp4"]
    assert {path.name for path in (tmp_path / "output-pkl-files").glob("*.pkl")} == {
        "take2.pkl", "take10.pkl", "clip.pkl",
    }  # fmt: skip


def test_a_folder_with_images_and_videos_is_said(fake, capsys, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((64, 96, 3), 40 * number, np.uint8))
    write_clip(folder / "whole.mp4")
    assert main(["run", "frames", "--no-overlay"]) == 0
    printed = capsys.readouterr()
    assert "3 images, which are used, and 1 video, which is not (whole.mp4)" in printed.err
    assert "in 3 frames" in printed.out
