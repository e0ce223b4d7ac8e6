"""A run's folder is taken wherever a motion file is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import InputError
from kinema.formats import load_motion, motion_file, save_motion
from kinema.quality import validate_file
from kinema.synthetic import procedural_motion


@pytest.fixture(scope="module")
def motion():
    walk = procedural_motion(load_body(), "demo")
    return walk.replace(times=walk.times[:20], people=(walk.people[0].select(np.arange(20)),))


@pytest.fixture
def folder(motion, tmp_path):
    run = tmp_path / "clip_20260101-120000"
    save_motion(motion, run / "smpl_output.pkl")
    (run / "run.json").write_text("{}")
    return run


def files(folder):
    return {path.name for path in folder.iterdir()} - {"smpl_output.pkl", "run.json"}


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (["validate", "{}"], {"motion_validation.json", "bad_frames.csv"}),
        (["diagnose", "{}"], set()),
        (["stabilize", "{}"], {"smpl_output_stable.pkl"}),
        (["refine", "{}", "--method", "savgol"], {"smpl_output_refined.pkl"}),
        (["export", "{}", "--format", "bvh"], {"smpl_output.bvh", "smpl_output_camera.json"}),
        (["export", "{}", "--format", "pkl"], {"smpl_output_pare.pkl"}),
        (["convert", "{}", "{}/out.npz"], {"out.npz"}),
        (["convert", "{}", "--out", "{}/out.npz"], {"out.npz"}),
        (["evaluate", "motion", "{}", "--truth", "{}"], set()),
        (["visualize", "{}", "{}", "--quiet", "--show", "3d", "--max-side", "64"], {"smpl_output_comparison.mp4"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_commands_take_a_runs_folder(folder, capsys, command, made):
    assert main([word.replace("{}", str(folder)) for word in command]) == 0
    assert files(folder) == made
    assert capsys.readouterr().out


def test_its_video_is_no_input_of_a_run(folder, capsys):
    """`overlay.mp4` shows the result: who gives the folder means something else."""
    (folder / "overlay.mp4").touch()
    assert main(["run", str(folder)]) == 3
    printed = capsys.readouterr().err
    assert printed.startswith(f"kinema: {folder} is the folder of a run; give the video that it was made from")
    assert printed.count("\n") == 1


def test_python_takes_it_too(folder, motion):
    assert motion_file(folder) == folder / "smpl_output.pkl"
    assert load_motion(folder).num_frames == 20
    assert validate_file(folder).verdict == validate_file(folder / "smpl_output.pkl").verdict


def test_another_folder_is_refused(folder, capsys):
    (folder / "run.json").unlink()
    assert motion_file(folder) == folder
    with pytest.raises(InputError, match="is a folder; give a motion file in it"):
        load_motion(folder)
    assert main(["validate", str(folder)]) == 3
    assert main(["refine", str(folder), "--method", "savgol"]) == 3
    assert capsys.readouterr().err.count("is a folder") == 2


def test_convert_never_writes_onto_the_runs_file(folder, capsys):
    assert main(["convert", str(folder), str(folder / "smpl_output.pkl")]) == 2
    assert "would overwrite" in capsys.readouterr().err
    assert main(["convert", str(folder)]) == 2
    assert capsys.readouterr().err == "kinema: --out is missing; name the file to write\n"


def test_scores_as_json_on_stdout_or_in_a_file(folder, tmp_path, capsys):
    compare = ["evaluate", "motion", str(folder), "--truth", str(folder)]
    assert main([*compare, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["scores"][0]["total"]["mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    file = tmp_path / "scores.json"
    assert main([*compare, "--json", str(file)]) == 0
    assert "MPJPE" in capsys.readouterr().out
    assert json.loads(file.read_text()) == printed


@pytest.mark.parametrize("link", ["the same path", "another spelling", "a link"])
@pytest.mark.parametrize(
    "command",
    [
        ["stabilize", "{}", "--out"],
        ["refine", "{}", "--method", "savgol", "--out"],
        ["convert", "{}", "--out"],
        ["export", "{}", "--format", "npz", "--out"],
        ["visualize", "{}", "{}", "--show", "3d", "--quiet", "--out"],
    ],
    ids=lambda command: command[0],
)
def test_nothing_is_written_onto_its_input(motion, tmp_path, monkeypatch, capsys, command, link):
    source = tmp_path / "walk.npz"
    save_motion(motion, source)
    before = source.read_bytes()
    monkeypatch.chdir(tmp_path)
    target = {"the same path": str(source), "another spelling": "./walk.npz", "a link": "link.npz"}[link]
    if link == "a link":
        (tmp_path / "link.npz").hardlink_to(source)
    assert main([*(word.replace("{}", str(source)) for word in command), target]) == 2
    assert "would overwrite the" in capsys.readouterr().err
    assert source.read_bytes() == before
