"""`kinema export` and `kinema convert` from the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import load_body
from kinema.commands.export import FORMATS
from kinema.formats import load_motion, save_motion
from kinema.synthetic import procedural_motion


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Two people, half a second."""
    motion = procedural_motion(load_body(), "demo")
    person = motion.people[0].select(np.arange(15))
    motion = motion.replace(times=motion.times[:15], people=(person, person.replace(id=5)))
    return save_motion(motion, tmp_path_factory.mktemp("motion") / "walk.pkl")


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "fbx"])
def test_every_format(file, tmp_path, capsys, name):
    assert main(["export", str(file), "--format", name, "--out", str(tmp_path / "out"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["files"]
    for path in said["files"]:
        assert path.startswith(str(tmp_path / "out" / "walk"))
    several = {"glb", "usd", "ply", "mesh", "csv", "pkl"}
    assert len(said["files"]) == (1 if name in several else 3 if name == "bvh" else 2)


def test_the_suffix_of_the_file_tells_the_format(file, tmp_path):
    out = tmp_path / "walk.trc"
    assert main(["export", str(file), "--out", str(out)]) == 0
    assert out.with_name("walk_1.trc").read_text().startswith("PathFileType")


def test_beside_the_file_and_never_onto_it(file, capsys):
    assert main(["export", str(file), "--format", "pkl"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(file.with_name("walk_pare.pkl"))
    assert main(["export", str(file), "--format", "pkl", "--out", str(file)]) == 2
    assert "would overwrite the input" in capsys.readouterr().err
    assert load_motion(file).people[0].pose_world is not None


def test_one_person_in_centimetres(file, tmp_path, capsys):
    out = tmp_path / "five.bvh"
    arguments = ["export", str(file), "--format", "bvh", "--person", "5", "--units", "cm", "--rotation-order", "xyz"]
    assert main([*arguments, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n{tmp_path / 'five_camera.json'}\n"
    text = out.read_text()
    assert "Xrotation Yrotation Zrotation" in text
    first = text.splitlines()[text.splitlines().index("MOTION") + 3].split()
    assert float(first[1]) > 50  # the pelvis' height in centimetres


def test_a_scene_for_blender_has_the_runs_video_or_the_named_one(file, tmp_path, capsys):
    footage = tmp_path / "clip.mp4"
    footage.write_bytes(b"a video, which only Blender opens")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "smpl_output.pkl").write_bytes(file.read_bytes())
    arguments = {"video": {}, "time_range": {"start": 1.0, "end": None}}
    (folder / "run.json").write_text(json.dumps({"input": {"path": str(footage)}, "arguments": arguments}))
    assert main(["export", str(folder), "--format", "blender", "--out", str(tmp_path / "scene.py")]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [str(tmp_path / "scene.py"), str(tmp_path / "scene_scene.glb")]
    script = (tmp_path / "scene.py").read_text()
    compile(script, "scene.py", "exec")
    assert repr(str(footage)) in script
    footage.unlink()
    assert main(["export", str(folder), "--format", "blender", "--out", str(tmp_path / "scene.py")]) == 0
    assert "the camera has no background; name it with --video" in capsys.readouterr().out
    other = tmp_path / "it's\n'other'.mp4"
    other.touch()
    named = ["export", str(file), "--format", "blender", "--video", str(other), "--out", str(tmp_path / "scene.py")]
    assert main(named) == 0
    assert repr(str(other)) in (tmp_path / "scene.py").read_text()
    assert main(["export", str(file), "--format", "glb", "--video", str(other)]) == 2
    assert "--video does not apply to glb files" in capsys.readouterr().err


def test_the_cameras_frame(file, tmp_path, capsys):
    out = tmp_path / "camera.csv"
    assert main(["export", str(file), "--format", "csv", "--frame", "camera", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "note: in the camera's frame, rotated to y-up" in said  # not "no world": the motion has one


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "bvh", "--person", "9"], "no person 9 in this motion; it has [1, 5]"),
        (["--format", "bvh", "--person", "me"], "--person must be comma-separated track ids"),
        (["--format", "glb", "--units", "cm"], "--units does not apply to glb files"),
        (["--format", "bvh", "--units", "mm"], "BVH files are written in m or cm"),
        (["--format", "bvh", "--rate", "-1"], "the frame rate must be a number between"),
        (["--format", "bvh", "--rotation-order", "xyx"], "unknown rotation order 'XYX'"),
        (["--format", "bvh", "--out", "walk.glb"], "bvh files end in .bvh; rename walk.glb"),
        ([], "give --format, or --out as a file with a format's suffix"),
        (["--out", "walk"], "give --format, or --out as a file with a format's suffix"),
        (["--out", "walk.npz"], ".npz files are of the formats mesh and npz; give --format"),
        (["--out", "walk.mp4"], "no format's files end in .mp4; --out may end in"),
        (["--format", "pkl", "--frame", "world"], "PARE's files are in the camera's frame"),
        (["--format", "fbx", "--blender", "/nowhere/blender"], "--blender names /nowhere/blender"),
    ],
)
def test_wrong_use_is_one_sentence(file, capsys, arguments, sentence):
    assert main(["export", str(file), *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.startswith("kinema: ")
    assert said.count("\n") == 1


def test_missing_footage_is_bad_input(file, tmp_path, capsys):
    """Not a script that looks for it in vain."""
    out = tmp_path / "scene.py"
    named = ["--video", str(tmp_path / "no.mp4"), "--out", str(out)]
    assert main(["export", str(file), "--format", "blender", *named]) == 3
    assert "no.mp4 does not exist; check the path" in capsys.readouterr().err
    assert not out.exists()


def test_a_missing_file_is_bad_input(tmp_path, capsys):
    assert main(["export", str(tmp_path / "no.pkl"), "--format", "bvh"]) == 3
    assert "does not exist" in capsys.readouterr().err


def test_convert_says_what_is_lost(file, tmp_path, capsys):
    out = tmp_path / "walk.npz"
    assert main(["convert", str(file), str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert load_motion(out).provenance[-1].name == "convert"
    assert main(["convert", str(out), str(tmp_path / "a.npz"), "--to", "amass"]) == 0
    said = capsys.readouterr().out
    assert "note: amass files do not hold" in said
    assert str(tmp_path / "a_5.npz") in said
    assert main(["convert", str(out), str(tmp_path / "b.xyz")]) == 2
    assert "cannot tell the motion format" in capsys.readouterr().err


def test_rate_and_body_of_the_reader(file, tmp_path, capsys):
    """An npz at 60 frames a second for SMPL-H's body; a pt for readers who take another rate for granted."""
    arguments = ["export", str(file), "--person", "1", "--out", str(tmp_path)]
    assert main([*arguments, "--format", "npz", "--rate", "60", "--layout", "smplh"]) == 0
    assert "to match the legs of SMPL-H's average body" in capsys.readouterr().out
    with np.load(tmp_path / "walk.npz", allow_pickle=False) as arrays:
        assert arrays["poses"].shape == (29, 156)
        assert arrays["mocap_frame_rate"] == 60
    assert main([*arguments, "--format", "pt", "--rate", "60"]) == 0
    assert "take 30 frames a second for granted, found 60" in capsys.readouterr().out
    assert load_motion(tmp_path / "walk.pt").fps == pytest.approx(60)
    assert main([*arguments, "--format", "bvh", "--layout", "smplh"]) == 2
    assert "--layout does not apply to bvh files" in capsys.readouterr().err
    assert main([*arguments, "--format", "npz", "--rate", "0"]) == 2
    assert "the frame rate must be a number between" in capsys.readouterr().err


def test_a_file_without_a_rate_asks_for_the_flag(file, tmp_path, capsys):
    path = tmp_path / "amass.npz"
    np.savez(path, poses=np.zeros((5, 66)), trans=np.zeros((5, 3)))
    for arguments in (["convert", str(path), str(tmp_path / "a.pkl")], ["export", str(path), "--format", "csv"]):
        assert main(arguments) == 3
        assert capsys.readouterr().err.endswith("lacks mocap_frame_rate; give the frame rate with --fps\n")
        assert main([*arguments, "--fps", "25"]) == 0
        capsys.readouterr()
    for command in ("diagnose", "validate"):
        assert main([command, str(path)]) == 1
        assert "give the frame rate with --fps" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["export", "convert"])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"kinema {command} smpl_output.pkl" in capsys.readouterr().out
