"""Two results of one clip side by side: known differences, who is who, other frame rates, what cannot be compared."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.evaluation.agreement import compare_motions, on_frames_of
from kinema.formats import save_motion
from kinema.motion import Motion
from kinema.synthetic import procedural_motion, studio_camera
from tests.helpers.fakes import write_clip

BODY = load_body()
SIZE = (320, 240)


@pytest.fixture(scope="module")
def walk() -> Motion:
    motion = procedural_motion(BODY, "rounds", fps=30, camera=studio_camera(*SIZE))
    return motion.replace(
        times=motion.times[:40], people=(motion.people[0].select(np.arange(40)),), body_model="free"
    )  # fmt: skip


def changed(motion: Motion, shift=(0.0, 0.0, 0.0), noise: float = 0.0, **more) -> Motion:
    """Everyone moved by `shift` (metres, camera), each joint by noise of its own."""
    rng, people = np.random.default_rng(0), []
    for person in motion:
        joints = person.joints + shift + noise * rng.normal(size=person.joints.shape)
        people.append(person.replace(joints=joints, transl=person.transl + shift, **more))
    return motion.replace(people=tuple(people))


def test_a_motion_agrees_with_itself(walk):
    (pair,) = compare_motions(walk, walk).pairs
    assert pair.frames == 40
    assert max(pair.apart.values()) < 1e-4
    assert pair.sides[0] == pair.sides[1]
    assert pair.sides[0]["distance_m"] > 0.3
    assert np.isfinite(pair.sides[0]["foot_sliding_mm_s"])


def test_known_differences_come_out(walk):
    """A shift is seen in the pelvis alone; noise of 10 mm a coordinate is 16 mm of a joint, less the hips' share."""
    found = compare_motions(walk, changed(walk, shift=(0.0, 0.0, 0.3), noise=0.01), names=("plain", "other"))
    (pair,) = found.pairs
    assert pair.apart["root_mm"] == pytest.approx(300, abs=5)
    assert 14 < pair.apart["mpjpe_mm"] < 21
    assert pair.apart["pa_mpjpe_mm"] < pair.apart["mpjpe_mm"]
    assert len(pair.error) == len(pair.times) == 40
    assert pair.error.mean() == pytest.approx(pair.apart["mpjpe_mm"], rel=1e-6)
    assert pair.sides[1]["jitter_m_s3"] > 3 * pair.sides[0]["jitter_m_s3"]
    assert set(pair.joints) == set(pair.joints) | {"left_wrist", "head"}
    assert found.to_dict()["pairs"][0]["joints"]["head"]["mpjpe_mm"] > 0


def test_sides_keep_their_order(walk):
    """Whichever has more frames."""
    shaky = changed(walk, noise=0.01)
    short = shaky.slice(end=0.8)
    for first, second, which in ((walk, short, 1), (short, walk, 0)):
        (pair,) = compare_motions(first, second).pairs
        assert pair.sides[which]["jitter_m_s3"] > 3 * pair.sides[1 - which]["jitter_m_s3"]
        assert pair.frames == short.num_frames


def test_other_frame_rates_are_matched_by_time(walk):
    every_other = np.arange(0, 40, 2)
    person = walk.people[0].select(every_other).replace(frames=np.arange(20))
    slow = walk.replace(times=walk.times[every_other], people=(person,))
    found = compare_motions(walk, slow, names=("fast", "slow"))
    assert found.frames == (40, 20, 20)
    assert found.pairs[0].apart["mpjpe_mm"] < 1e-3
    assert "fast has 40 frames, slow 20; 20 moments are compared" in found.notes[0]
    later = slow.replace(times=slow.times + 0.01)
    assert compare_motions(walk, later).pairs[0].apart["mpjpe_mm"] < 3
    drawn = on_frames_of(walk, slow)
    np.testing.assert_array_equal(drawn.people[0].frames, every_other)
    assert drawn.num_frames == 40


def test_people_are_matched_by_place_and_named(walk):
    beside = changed(walk, shift=(1.5, 0.0, 0.0)).people[0].replace(id=4)
    both = walk.replace(people=(walk.people[0], beside))
    other = walk.replace(people=(walk.people[0].replace(id=9), beside.replace(id=8)))
    found = compare_motions(both, other)
    assert [(pair.first, pair.second) for pair in found.pairs] == [(1, 9), (4, 8)]
    found = compare_motions(both, other.select(9))
    assert found.alone == ((4,), ())
    assert [(p.first, p.second) for p in compare_motions(both, other, people=(4, 8)).pairs] == [(4, 8)]


def test_what_cannot_be_compared(walk):
    with pytest.raises(InputError, match="B holds nobody to compare"):
        compare_motions(walk, walk.replace(people=()))
    with pytest.raises(InputError, match=r"no moment in common: A lasts from 0\.00 to 1\.30 s, B lasts from 60\.00"):
        compare_motions(walk, walk.replace(times=walk.times + 60))
    far = changed(walk, shift=(3.0, 0.0, 0.0)).rename({1: 2})
    with pytest.raises(InputError, match=r"nobody is in both results \(A has 1; B has 2\)"):
        compare_motions(walk, far)
    with pytest.raises(UsageError, match="no person 7"):
        compare_motions(walk, walk, people=(1, 7))
    with pytest.raises(UsageError, match="`frame` must be one of camera, world"):
        compare_motions(walk, walk, frame="room")


def test_a_result_in_another_unit_is_named(walk):
    small = walk.people[0].replace(joints=walk.people[0].joints / 1000)
    with pytest.raises(
        InputError, match=r"person 1 of second: its joints lie .* which is impossible for a body in metres"
    ):
        compare_motions(walk, walk.replace(people=(small,)), names=("first", "second"), frame="camera")


def test_in_the_world(walk):
    found = compare_motions(walk, walk, frame="world")
    assert found.frame == "world"
    assert found.pairs[0].apart["mpjpe_mm"] < 1e-3


@pytest.fixture
def files(walk, tmp_path):
    paths = [tmp_path / "a.pkl", tmp_path / "b.pkl"]
    for path, motion in zip(paths, (walk, changed(walk, shift=(0, 0, 0.1), noise=0.01)), strict=True):
        save_motion(motion, path, body=BODY)
    return [str(path) for path in paths]


def test_the_command_prints_and_writes(files, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "apart"
    assert main(["compare", *files, "--out", str(out), "--show", "3d", "--max-side", "64", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "a.pkl and b.pkl, camera" in printed
    assert re.search(r"MPJPE between them, mm\s+│\s+1\d\.\d", printed)
    assert sorted(path.name for path in out.iterdir()) == ["comparison.json", "comparison.mp4", "comparison.png"]
    content = json.loads((out / "comparison.json").read_text())
    assert content["names"] == ["a.pkl", "b.pkl"]
    assert main(["compare", *files, "--json", "--people", "1:1"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"][0]["apart"] == content["pairs"][0]["apart"]


def test_long_names_are_told_apart_by_their_ends(walk, tmp_path, capsys):
    """Those of two runs of one clip would cover the pictures and each other."""
    paths = [tmp_path / f"basketball_two_people_static_20261129-{time}.npz" for time in (161250, 193521)]
    for path in paths:
        save_motion(walk, path, body=BODY)
    assert main(["compare", *map(str, paths), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["names"] == ["20261129-161250.npz", "20261129-193521.npz"]


def test_ways_are_drawn_of_the_moments_compared(walk, monkeypatch, tmp_path):
    """Of a result of the whole clip no more than what the other has; the second is on the frames of the first."""
    pytest.importorskip("matplotlib")
    from kinema.evaluation.agreement import on_frames_of
    from kinema.visualization import agreement_plot

    drawn = []
    monkeypatch.setattr(agreement_plot, "plot_from_above", lambda axes, ways, **_: drawn.extend(ways))
    part = walk.slice(0.0, float(walk.times[9]))
    for first, second in ((walk, part), (part, walk)):
        found = compare_motions(first, second, names=("a", "b"))
        agreement_plot.plot_agreement(found, first, on_frames_of(first, second), tmp_path / "plot.png")
    assert {len(way.joints) for way in drawn} == {found.pairs[0].frames}


def test_joints_alone_are_drawn_as_joints(walk, files, tmp_path):
    """And a result of half the size is drawn in the other's."""
    bare = walk.people[0].replace(pose=None, betas=None, transl=None, pose_world=None, transl_world=None)
    small = walk.replace(people=(bare,), width=160, height=120, camera=None)
    path = save_motion(small, tmp_path / "joints.npz")
    out = tmp_path / "apart"
    assert main(["compare", files[0], str(path), "--out", str(out), "--max-side", "64", "--quiet"]) == 0
    assert (out / "comparison.mp4").stat().st_size > 1000


@pytest.mark.parametrize(
    ("more", "sentence", "code"),
    [
        (["--people", "1"], "--people must be two ids such as 1:3, found '1'", 2),
        (["--people", "1:6"], "no person 6 in this motion; it has [1]", 2),
        (["--max-side", "5", "--out", "x"], "--max-side must be at least 64 pixels", 2),
    ],
)
def test_wrong_use_of_the_command(files, more, sentence, code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *files, *more]) == code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_estimators_need_the_clip(files, capsys):
    assert main(["compare", files[0], "nlf"]) == 2
    assert "the estimator nlf needs the clip; give it with --video" in capsys.readouterr().err
    assert main(["compare", files[0], "pare", "--out", files[0]]) == 2
    assert f"{files[0]} is a file; name a folder with --out" in capsys.readouterr().err
    assert main(["compare", files[0], "nowhere.pkl"]) == 3
    assert "nowhere.pkl does not exist" in capsys.readouterr().err


def test_what_the_second_side_lacks_is_known_before_the_first_runs(walk, monkeypatch, capsys, tmp_path):
    """Weights of the second estimator that are missing, and a file that is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kinema.pipeline.run", lambda *_, **__: pytest.fail("an estimator was run"))
    write_clip(tmp_path / "clip.mp4")
    assert main(["compare", "keypoints", "nlf", "--video", "clip.mp4", "--nlf", "nowhere.pt"]) == 3
    assert "nowhere.pt is not a file; give weights of NLF" in capsys.readouterr().err
    (tmp_path / "broken.pkl").write_bytes(b"nothing")
    assert main(["compare", "keypoints", "broken.pkl", "--video", "clip.mp4"]) == 3
    assert "broken.pkl" in capsys.readouterr().err


def test_two_estimators_on_one_clip(walk, monkeypatch, capsys, tmp_path):
    """Each is run on the clip with the pipeline, whose own tests cover what it does."""
    asked = []

    def pretend(video, out, options, *, watcher):
        from types import SimpleNamespace

        asked.append((str(video), options.estimator))
        return SimpleNamespace(motion=walk if options.estimator == "keypoints" else changed(walk, noise=0.01))

    monkeypatch.setattr("kinema.pipeline.run", pretend)
    monkeypatch.setattr(
        "kinema.pipeline.require_runnable", lambda video, options: asked.append((str(video), options.estimator))
    )
    assert main(["compare", "keypoints", "pare", "--video", "clip.mp4", "--json"]) == 0
    assert asked == [("clip.mp4", "pare"), ("clip.mp4", "keypoints"), ("clip.mp4", "pare")]
    assert json.loads(capsys.readouterr().out)["names"] == ["keypoints", "pare"]


def test_options_of_each_side_and_of_both(walk, monkeypatch, capsys, tmp_path):
    """An estimator's own options go before those of the command; the names say in what the sides differ."""
    asked = []

    def pretend(video, out, options, *, watcher):
        from types import SimpleNamespace

        asked.append(options)
        return SimpleNamespace(motion=walk)

    monkeypatch.setattr("kinema.pipeline.run", pretend)
    monkeypatch.setattr("kinema.pipeline.require_runnable", lambda video, options: None)

    def names(first: str, second: str, *more: str) -> list[str]:
        asked.clear()
        assert main(["compare", first, second, "--video", "clip.mp4", "--json", *more]) == 0
        return json.loads(capsys.readouterr().out)["names"]

    shared = ("--nlf", "both.torchscript", "--checkpoint", "pare.ckpt")
    assert names("nlf --num-aug 5", "pare", *shared) == ["nlf", "pare"]
    assert asked[0].nlf.weights == "both.torchscript"
    assert asked[0].nlf.num_aug == 5
    assert asked[1].pare.checkpoint == "pare.ckpt"
    assert not asked[0].overlay
    assert names("nlf --nlf 'a b/small.torchscript'", "nlf", *shared) == ["nlf small.torchscript", "nlf"]
    assert [each.nlf.weights for each in asked] == ["a b/small.torchscript", "both.torchscript"]
    lifted = "keypoints --lifter videopose3d --lifter-checkpoint model.bin"
    assert names("nlf", lifted, *shared) == ["nlf", "keypoints"]
    assert asked[1].lift.method == "videopose3d"
    assert names("nlf --num-aug 5", "nlf --num-aug 1") == ["num-aug 5", "num-aug 1"]


def test_wrong_options_of_a_side(capsys):
    """They are named as those of a run; quotes that do not end are no file that is missing."""
    with pytest.raises(SystemExit):
        main(["compare", "nlf --num-agu 5", "pare", "--video", "clip.mp4"])
    assert "there is no option `--num-agu` of `kinema run`; did you mean `--num-aug`?" in capsys.readouterr().err
    assert main(["compare", "nlf --nlf 'a", "pare", "--video", "clip.mp4"]) == 2
    assert "cannot be read as options (No closing quotation); check its quotes" in capsys.readouterr().err
    assert main(["compare", "nlf --num-aug 500", "pare", "--video", "clip.mp4"]) == 2
    assert "--num-aug must lie between 1 and 64" in capsys.readouterr().err
