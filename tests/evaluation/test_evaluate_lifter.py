"""`kinema evaluate lifter` from end to end: a lifter that errs by a known amount gives exactly that, on every set.

Positions are metres from the camera in float32, 0.0005 mm apart: hence tolerances of 0.001 mm.
"""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.datasets import mpi3dhp
from kinema.datasets.h36m import SIDES, mirror_order, read_dataset
from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.datasets.humaneva import HUMANEVA_CAMERAS
from kinema.datasets.writing import LAYOUTS, write_data, write_keypoints, write_positions
from kinema.evaluation.lifter_data import evaluated_data
from kinema.evaluation.lifter_options import LifterEvaluationOptions
from kinema.evaluation.lifters import evaluate_lifter
from kinema.lifting.inputs import to_screen
from kinema.models.pstmo.refine.numpy_run import expected_shapes
from kinema.models.pstmo.sizes import PSTMOSizes
from kinema.models.videopose3d.sizes import VideoPose3DSizes
from tests.helpers.lifter_datasets import motion, seen, write_dataset
from tests.helpers.lifter_doubles import KnowingLifter, registered
from tests.helpers.lifter_evaluation import MIRROR, h36m, knowing_h36m, refused, scores_of, sequences
from tests.helpers.lifters import random_tensors

OFFSET = np.array([30.0, 0, 40])  # mm: 50 in all, and its mirror image errs by as much


def moved(truth, joint, offset):
    out = np.array(truth, dtype=np.float64)
    out[:, joint] += offset
    return out


def test_h36m_by_hand(tmp_path, capsys):
    """Each action errs by its own amount; actions count the same although Walking has twice the frames."""
    h36m(tmp_path, frames=9)
    errors = {"Directions": 34.0, "Walking": 170.0}  # mm, of one joint of 17

    def change(joints, clip):
        return moved(joints, 5, [0, errors[clip.kind] / 1000, 0])

    with registered(tmp_path, knowing_h36m(tmp_path, change)) as lifter:
        found = scores_of(capsys, [tmp_path, *lifter])
    rows = {row["action"]: row for row in found["rows"]}
    assert {name: row["frames"] for name, row in rows.items()} == {"Directions": 9 * 8, "Walking": 2 * 9 * 8}
    for name, error in errors.items():
        assert rows[name]["mpjpe"] == pytest.approx(error / 17, abs=1e-3)
        assert rows[name]["velocity"] == pytest.approx(0, abs=1e-3)
    assert rows["Directions"]["pck"] == 100
    assert rows["Walking"]["pck"] == pytest.approx(100 * 15 / 16)
    (average,), (pooled,) = found["averages"], found["all_frames"]
    assert average["mpjpe"] == pytest.approx((2 + 10) / 2, abs=1e-3)
    assert pooled["mpjpe"] == pytest.approx((2 + 2 * 10) / 3, abs=1e-3)
    assert found["stride"] == 1
    assert found["keypoints"] == "gt"
    assert {each["keypoints"] for each in found["published"]} == {"gt"}


def test_alignments_and_velocity(tmp_path, capsys):
    """A larger copy costs P1 alone; an error in every second frame is a velocity error of the same size."""
    h36m(tmp_path, frames=8)

    with registered(tmp_path, knowing_h36m(tmp_path, lambda joints, clip: 1.1 * joints)) as lifter:
        found = scores_of(capsys, [tmp_path, *lifter])["averages"][0]
    assert found["mpjpe"] > 20
    assert found["pa_mpjpe"] == pytest.approx(0, abs=1e-3)
    assert found["n_mpjpe"] == pytest.approx(0, abs=1e-3)

    def shaken(joints, clip):
        out = joints.copy()
        out[::2, 3] += OFFSET / 1000
        return out

    with registered(tmp_path, knowing_h36m(tmp_path, shaken)) as lifter:
        found = scores_of(capsys, [tmp_path, *lifter])["averages"][0]
    assert found["velocity"] == pytest.approx(50 / 17, abs=1e-3)
    assert found["mpjpe"] == pytest.approx(25 / 17, abs=1e-3)


def test_the_mirror_image_is_averaged(tmp_path, capsys):
    """A lifter that is biased to one side of the image errs the other way in the mirror, so that the mean is right."""
    h36m(tmp_path, frames=6)
    network = knowing_h36m(tmp_path)
    straight = network.lift
    network.lift = lambda clip, stride: straight(clip, stride) + [0.03, 0, 0]
    with registered(tmp_path, network) as lifter:
        assert scores_of(capsys, [tmp_path, *lifter])["averages"][0]["mpjpe"] == pytest.approx(0, abs=1e-3)
        alone = scores_of(capsys, [tmp_path, *lifter, "--no-flip"])
        assert alone["flip"] is False
        # The root counts, and is set to 0 for lifters other than VideoPose3D.
        assert alone["averages"][0]["mpjpe"] == pytest.approx(30 * 16 / 17, abs=1e-3)


def test_subjects_actions_and_every_nth_frame(tmp_path, capsys):
    h36m(tmp_path, frames=9)
    network = knowing_h36m(tmp_path)
    with registered(tmp_path, network) as lifter:
        found = scores_of(capsys, [tmp_path, *lifter, "--by-subject", "--actions", "Walk"])
        assert [(row["subject"], row["action"]) for row in found["rows"]] == [("S9", "Walking"), ("S11", "Walking")]
        assert [row["subject"] for row in found["averages"]] == ["S9", "S11"]
        found = scores_of(capsys, [tmp_path, *lifter, "--subjects", "S1"])
        assert found["all_frames"][0]["frames"] == 3 * 4 * 9
    thin = KnowingLifter([(a[::4], b[::4]) for a, b in network._known], MIRROR, MIRROR)
    with registered(tmp_path, thin) as lifter:
        found = scores_of(capsys, [tmp_path, *lifter, "--downsample", "4"])
        assert found["all_frames"][0]["frames"] == 2 * 3 * 4 * 3
        assert found["all_frames"][0]["mpjpe"] == pytest.approx(0, abs=1e-3)


def test_strides_are_those_of_the_authors(tmp_path, capsys):
    """P-STMO's windows on Human3.6M take every second of its 50 frames a second."""
    h36m(tmp_path, frames=4)
    network = knowing_h36m(tmp_path)
    with registered(tmp_path, network, rate=25.0) as lifter:
        assert scores_of(capsys, [tmp_path, *lifter])["stride"] == 2
        assert network.strides == {2}
        assert scores_of(capsys, [tmp_path, *lifter, "--stride", "3"])["stride"] == 3


def test_tables_and_csv(tmp_path, capsys):
    h36m(tmp_path, frames=5)
    (tmp_path / "data_2d_h36m_gt.npz").rename(tmp_path / "data_2d_h36m_cpn_ft_h36m_dbb.npz")
    h36m(tmp_path, frames=5)
    with registered(tmp_path, knowing_h36m(tmp_path)) as lifter:
        arguments = [tmp_path, *lifter, "--keypoints", "cpn_ft_h36m_dbb", "--csv", tmp_path / "scores.csv"]
        assert main(["evaluate", "lifter", *map(str, arguments)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    walking = next(line.split() for line in lines if line.startswith("Walking"))
    assert walking == ["Walking", "80", "0.0", "0.0", "0.0", "0.0", "100.0", "96.8", "30.3", "29.4", "29.3", "23.8"]
    average = next(line.split() for line in lines if line.startswith("average"))
    assert average[-4:] == ["43.0", "42.8", "42.1", "34.4"]
    assert any("VideoPose3D 243" in line and "46.8" in line and "36.5" in line for line in lines)
    rows = list(csv.DictReader((tmp_path / "scores.csv").read_text().splitlines()))
    assert [row["action"] for row in rows] == ["Directions", "Walking", "average", "all frames"]
    assert float(rows[1]["auc"]) == pytest.approx(100 * 30 / 31, rel=1e-5)


# --- MPI-INF-3DHP ------------------------------------------------------------------------------------


def knowing_3dhp(data, change, unit=1.0):
    known = []
    for name, parts in data.items():
        width, height = mpi3dhp.SIZES.get(name, mpi3dhp.TRAIN_SIZE)
        joints = parts["data_3d"].astype(np.float64)
        joints = joints - joints[:, mpi3dhp.ROOT, None]
        known.append((to_screen(parts["data_2d"], width, height, width), unit * change(joints)))
    return KnowingLifter(known, mpi3dhp.MIRROR, mpi3dhp.MIRROR)


@pytest.mark.parametrize(("unit", "asked"), [(1.0, []), (0.001, ["--unit", "m"])])
def test_3dhp_by_hand(tmp_path, capsys, unit, asked):
    data = sequences()
    data["TS1"]["valid"][2] = 0
    write_data(tmp_path / "data_test_3dhp.npz", data)

    def change(joints):
        out = joints.copy()
        out[:, 3] += [0, 0, 160]  # an elbow: beyond the threshold
        out[:, 15] += [0, 0, 160]  # the spine: not scored by PCK
        out[:, 14] += 5  # the root is set to 0
        if len(joints) == 6:
            out[2] += 1000  # not valid
        return out

    with registered(tmp_path, knowing_3dhp(data, change, unit)) as lifter:
        found = scores_of(capsys, [tmp_path, "--dataset", "3dhp", *lifter, *asked])
        wrong = scores_of(capsys, [tmp_path, "--dataset", "3dhp", *lifter, "--unit", "mm" if asked else "m"])
    assert "mm from the root; is that its `unit`?" in wrong["notes"][0]
    assert [(row["action"], row["frames"]) for row in found["rows"]] == [("TS1", 5), ("TS6", 4)]
    total = found["all_frames"][0]
    assert total["mpjpe"] == pytest.approx(320 / 17, abs=1e-3)
    assert total["pck"] == pytest.approx(100 * 13 / 14)
    assert total["auc"] == pytest.approx(100 * 13 / 14 * 30 / 31)
    assert total["velocity"] == pytest.approx(0, abs=1e-3)
    assert total["groups"]["elbows"]["pck"] == pytest.approx(50)
    assert total["groups"]["ankles"]["pck"] == 100
    assert not found["notes"]
    assert {each["source"] for each in found["published"]} == {"P-STMO, arXiv 2203.07628, table 2"}


def test_sequences_of_3dhp(tmp_path, capsys):
    data = sequences()
    write_data(tmp_path / "data_test_3dhp.npz", data)
    with registered(tmp_path, knowing_3dhp(data, lambda joints: joints)) as lifter:
        found = scores_of(capsys, [tmp_path, "--dataset", "3dhp", *lifter, "--subjects", "TS6", "--by-subject"])
        assert [row["action"] for row in found["rows"]] == ["TS6"]
        assert main(["evaluate", "lifter", str(tmp_path), "--dataset", "3dhp", *lifter]) == 0
        assert "32.2" in capsys.readouterr().out


# --- HumanEva-I --------------------------------------------------------------------------------------


def test_humaneva_by_hand(tmp_path, capsys):
    rng = np.random.default_rng(2)
    takes = {"Walking 1 chunk0": 5, "Walking 1 chunk2": 1, "Gestures 1 chunk0": 7}
    positions, keypoints, known = {}, {}, []
    mirror = mirror_order(15, *SIDES[15])
    for subject in ("Validate/S1", "Validate/S2", "Validate/S3"):
        positions[subject], keypoints[subject] = {}, {}
        for take, frames in takes.items():
            world = rng.normal(scale=0.3, size=(frames, 15, 3)).astype(np.float32)
            views = [rng.uniform(0, 480, (frames, 15, 2)).astype(np.float32) for _ in range(3)]
            positions[subject][take], keypoints[subject][take] = world, views
            for camera, view in zip(HUMANEVA_CAMERAS[subject], views, strict=True):
                joints = camera.to_camera(world)
                known.append((to_screen(view, 640, 480, 640), moved(joints - joints[:, :1], 4, OFFSET / 1000)))
    write_positions(tmp_path / "data_3d_humaneva15.npz", positions)
    layout = next(each for each in LAYOUTS if each.name == "humaneva15")
    write_keypoints(tmp_path / "data_2d_humaneva15_gt.npz", keypoints, layout)
    with registered(tmp_path, KnowingLifter(known, mirror, mirror), rate=25.0) as lifter:
        found = scores_of(capsys, [tmp_path, "--dataset", "humaneva", *lifter, "--by-subject"])
        # As the authors: walk, jog and box alone.
        assert [(row["subject"], row["action"], row["frames"]) for row in found["rows"]] == [
            (subject, "Walking", 18) for subject in positions
        ]
        assert found["stride"] == 1
        for row in found["averages"]:
            assert row["mpjpe"] == pytest.approx(50 / 15, abs=1e-3)
            assert row["velocity"] == pytest.approx(0, abs=1e-3)  # a clip of one frame has none
        found = scores_of(capsys, [tmp_path, "--dataset", "humaneva", *lifter, "--actions", "Gestures"])
        assert found["all_frames"][0]["frames"] == 3 * 3 * 7


# --- the real networks -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["videopose3d", "pstmo"])
def test_published_architectures(tmp_path, name):
    """P1 as the authors' loops have it: the mean over frames of the error of the two averaged outputs."""
    from kinema.lifting.registry import LIFTERS

    write_dataset(tmp_path, frames=12, subjects=("S9", "S11"), actions=("Walking",))
    sizes = VideoPose3DSizes(17, 17, 8, (3, 3)) if name == "videopose3d" else PSTMOSizes(9)
    np.savez(tmp_path / "weights.npz", **random_tensors(sizes))
    options = LifterEvaluationOptions(lifter=name, checkpoint=tmp_path / "weights.npz", threads=1)
    found = evaluate_lifter(tmp_path, options)
    network = LIFTERS.find(name).opened(tmp_path / "weights.npz")
    errors = []
    for clip in read_dataset(tmp_path / "data_3d_h36m.npz", tmp_path / "data_2d_h36m_gt.npz").clips():
        width, height = clip.camera.width, clip.camera.height
        screen = clip.keypoints / width * 2 - [1, height / width]
        stride = 2 if name == "pstmo" else 1
        flipped = (screen * [-1, 1])[:, MIRROR]
        joints = (network.lift(screen, stride) + network.lift(flipped, stride)[:, MIRROR] * [-1, 1, 1]) / 2
        if name == "pstmo":
            joints[:, 0] = 0
        errors.append(np.linalg.norm(joints - (clip.joints - clip.joints[:, :1]), axis=-1))
    assert found.stride == stride
    assert found.averages[0].scores.mpjpe == pytest.approx(1000 * np.mean(errors), rel=1e-5)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize(
    "options", [("--widths", "3,3", "--channels", "16"), ("--network", "pstmo", "--window-size", "9")]
)
def test_training_scores_what_is_evaluated(tmp_path, capsys, options):
    """The score of a training's last epoch, computed by torch in other code, is the average of this evaluation."""
    pytest.importorskip("torch")
    three, two = write_dataset(tmp_path, frames=20, subjects=("S1", "S9"), actions=("Walking 1", "Eating"))
    files = ["--positions", three, "--keypoints", two, "--subjects", "S1", "--test-subjects", "S9"]
    rest = ["--epochs", "1", "--batch", "128", "--threads", "1", "--out", tmp_path / "out", "--quiet"]
    assert main([str(word) for word in ("train", "lifter", *files, *options, *rest)]) == 0
    capsys.readouterr()
    training = json.loads((tmp_path / "out" / "training.json").read_text())
    lifter = ["--lifter", "pstmo" if "pstmo" in options else "videopose3d"]
    checkpoint = next(path for path in (tmp_path / "out").glob("*_h36m.*") if path.suffix in (".bin", ".pth"))
    found = scores_of(capsys, [tmp_path, *lifter, "--lifter-checkpoint", checkpoint, "--subjects", "S9"])
    assert found["averages"][0]["mpjpe"] == pytest.approx(training["history"][-1]["score"], rel=1e-4)


def refine_tensors(share):
    """A refine module that gives every joint the same share of its lifted position."""
    tensors = {key: np.zeros(shape, dtype=np.float32) for key, shape in expected_shapes(17, 4).items()}
    tensors["post_refine.3.bias"] += np.log(share / (1 - share))
    return tensors


def test_refine(tmp_path, capsys):
    """True depths and true keypoints give the true joints but for the lens' distortion; the lifted ones err in x."""
    h36m(tmp_path, frames=5)
    np.savez(tmp_path / "refine.npz", **refine_tensors(0.75))
    network = knowing_h36m(tmp_path, lambda joints, clip: moved(joints, 5, [0.17, 0, 0]))
    with registered(tmp_path, network) as lifter:
        plain = scores_of(capsys, [tmp_path, *lifter])["averages"][0]["mpjpe"]
        asked = [tmp_path, *lifter, "--lifter-refine", tmp_path / "refine.npz"]
        refined = scores_of(capsys, asked)
    assert plain == pytest.approx(10, abs=1e-3)
    errors = []
    for clip in read_dataset(tmp_path / "data_3d_h36m.npz", tmp_path / "data_2d_h36m_gt.npz").clips(["S9", "S11"]):
        focal, centre = np.array(clip.camera.focal), np.array(clip.camera.centre)
        seen = (clip.keypoints - centre) / focal * clip.joints[..., 2:]
        truth = clip.joints - clip.joints[:, :1]
        lifted = moved(truth, 5, [0.17, 0, 0])
        lifted[..., :2] = 0.75 * lifted[..., :2] + 0.25 * (seen - seen[:, :1])
        errors.append(1000 * np.linalg.norm(lifted - truth, axis=-1).mean())
    # Two takes of Walking, one of Directions, all of the same length; actions count the same.
    walking, directions = np.mean([errors[4:12], errors[16:]]), np.mean([errors[:4], errors[12:16]])
    assert refined["averages"][0]["mpjpe"] == pytest.approx((walking + directions) / 2, rel=1e-4)
    assert refined["averages"][0]["mpjpe"] < plain
    assert refined["checkpoint"]["refine"] == "refine.npz"
    with registered(tmp_path, network) as lifter:
        lost = [tmp_path, *lifter, "--lifter-refine", tmp_path / "no.npz"]
        assert "give the path of a P-STMO refine file" in refused(capsys, lost)
        assert "is not a P-STMO refine checkpoint" in refused(capsys, [*lost[:-1], lifter[-1]])
        other = [tmp_path, "--dataset", "humaneva", *lifter, "--lifter-refine", tmp_path / "refine.npz"]
        assert "leave out --lifter-refine" in refused(capsys, other, 2)


def test_names_that_contradict_each_other_are_noted(tmp_path, capsys):
    h36m(tmp_path, frames=3)
    with registered(tmp_path, knowing_h36m(tmp_path)) as lifter:
        assert not scores_of(capsys, [tmp_path, *lifter])["notes"]
        wild = tmp_path / "no_refine_48_in_the_wild.npz"
        (tmp_path / "knowing.npz").rename(wild)
        (note,) = scores_of(capsys, [tmp_path, *lifter[:-1], wild])["notes"]
    assert "takes joints of coco17 by its name, the keypoints gt are h36m17" in note


def test_progress_counts_every_frame(tmp_path):
    h36m(tmp_path, frames=6)
    told = []
    with registered(tmp_path, knowing_h36m(tmp_path)) as lifter:
        options = LifterEvaluationOptions(lifter="knowing", checkpoint=lifter[-1])
        evaluate_lifter(tmp_path, options, progress=lambda done, total: told.append((done, total)))
        assert told == [(6 * number, 6 * 24) for number in range(1, 25)]
        assert evaluated_data(tmp_path, options).frames == 6 * 24


def test_cameras_of_other_data(tmp_path, capsys):
    camera = H36M_CAMERAS["S1"][0]
    fields = ("name", "width", "height", "focal", "centre", "radial", "tangential", "orientation", "position")
    (tmp_path / "cameras.json").write_text(json.dumps({"Ann": [{name: getattr(camera, name) for name in fields}]}))
    world = motion(5, 3)
    write_positions(tmp_path / "data_3d_h36m.npz", {"Ann": {"Jump": world}})
    layout = next(each for each in LAYOUTS if each.name == "h36m")
    write_keypoints(tmp_path / "data_2d_h36m_gt.npz", {"Ann": {"Jump": [seen(world, camera)]}}, layout)
    joints = camera.to_camera(world)
    screen = to_screen(seen(world, camera), camera.width, camera.height, camera.width)
    with registered(tmp_path, KnowingLifter([(screen, joints - joints[:, :1])], MIRROR, MIRROR)) as lifter:
        found = scores_of(capsys, [tmp_path, *lifter, "--cameras", tmp_path / "cameras.json"])
    assert found["all_frames"][0]["mpjpe"] == pytest.approx(0, abs=1e-3)
