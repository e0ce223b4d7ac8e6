"""The method `droid`: from a clip to a path, with weights that nobody trained; depth maps; what is wrong with input."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.camera import droid
from kinema.camera.depth_maps import DepthMaps
from kinema.camera.metric_scale import metric_scale
from kinema.camera.options import CameraOptions
from kinema.camera.slam.images import WorkingImages, working_size
from kinema.camera.slam.shots import SavedWork, SlamShot, from_first
from kinema.camera.stage import find_camera
from kinema.errors import InputError, UsageError, WeightsError
from kinema.geometry.camera_path import path_of
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_quaternion
from kinema.motion import Motion
from kinema.person import Person
from kinema.stage import Context
from kinema.storage.stored import StoredArray
from kinema.video import open_video
from tests.helpers.goldens import each_case, outside, recording, torch_tensors

SCALES = "metric_scale/golden.npz"


@pytest.mark.golden
@each_case("case", SCALES, r"c(\d+)_scale")
def test_metric_scale(case):
    """Within 1e-3, as the recording states it: its minimum was sought in float32."""
    golden = recording(SCALES)
    path, depth, background = (golden[f"c{case}_{name}"] for name in ("slam_depth", "pred_depth", "background"))
    found = metric_scale(path.astype(np.float32), depth.astype(np.float32), background)
    assert found == pytest.approx(float(golden[f"c{case}_scale"]), rel=1e-3)


def test_no_scale_without_background():
    assert metric_scale(np.ones((4, 5)), np.ones((4, 5)), np.zeros((4, 5), bool)) is None
    assert metric_scale(np.ones((4, 5)), np.zeros((4, 5)), np.ones((4, 5), bool)) is None
    far = metric_scale(np.ones((4, 5)), np.full((4, 5), 30.0), np.ones((4, 5), bool))
    assert far == pytest.approx(30)  # nothing is near: all of it counts


@pytest.mark.golden
def test_working_sizes():
    golden = recording(SCALES)
    found = [working_size(*shape) for shape in golden["imshapes"].tolist()]
    assert found == [tuple(size) for size in golden["slam_sizes"].tolist()]


def test_pictures_that_are_too_narrow_are_refused():
    with pytest.raises(InputError, match="4000x100 pixels are too narrow"):
        working_size(100, 4000)


def test_depth_maps_of_files(tmp_path):
    maps = np.random.default_rng(0).uniform(1, 5, (3, 6, 8)).astype(np.float32)
    maps[0, 0, :2] = np.nan, -1
    np.savez(tmp_path / "d.npz", depth=maps, frames=[4, 2, 9])
    for number, each in zip((4, 2, 9), maps, strict=True):
        np.save(tmp_path / f"depth_{number:05d}.npy", each)
    cv2.imwrite(str(tmp_path / "7.png"), (maps[1] * 1000).astype(np.uint16))
    for source in (DepthMaps(tmp_path / "d.npz"), DepthMaps(tmp_path)):
        assert 4 in source
        assert 0 not in source
        assert (source.frame(4)[0, :2] == 0).all()
        np.testing.assert_array_equal(source.frame(2), maps[1])
    np.testing.assert_allclose(DepthMaps(tmp_path).frame(7), maps[1], atol=1e-3)  # its steps
    before = DepthMaps(tmp_path).sha256()
    assert before != DepthMaps(tmp_path / "d.npz").sha256()
    np.save(tmp_path / "depth_00002.npy", maps[1] + 1)
    assert DepthMaps(tmp_path).sha256() != before


@pytest.mark.parametrize(("make", "message"), [
    (lambda folder: folder / "none", "no depth maps"),
    (lambda folder: folder, "holds no depth maps"),
    (lambda folder: np.savez(folder / "a.npz", x=np.zeros(3)) or folder / "a.npz", "array `depth`"),
    (lambda folder: np.savez(folder / "a.npz", depth=np.ones((2, 3, 4)), frames=[1]) or folder / "a.npz", "`frames`"),
    (lambda folder: np.save(folder / "depth.npy", np.ones((3, 4))) or folder, "ends in the number"),
])  # fmt: skip
def test_what_is_no_depth_map_is_said(tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        DepthMaps(make(tmp_path))


def test_a_picture_of_eight_bits_is_no_depth_map(tmp_path):
    cv2.imwrite(str(tmp_path / "0.png"), np.full((3, 4), 7, np.uint8))
    np.save(tmp_path / "1.npy", np.ones((2, 3, 4)))
    for frame, message in ((0, "16 bits"), (1, "has shape")):
        with pytest.raises(InputError, match=message):
            DepthMaps(tmp_path).frame(frame)


def test_poses_are_told_from_the_first_camera():
    """X_camera = rotation @ (X - centre), before and after the frame of reference is changed."""
    rng = np.random.default_rng(0)
    turns, shifts = axis_angle_to_matrix(rng.normal(size=(6, 3))), rng.normal(size=(6, 3))
    rotation, centre = from_first(np.concatenate([shifts, matrix_to_quaternion(turns)], 1))
    np.testing.assert_allclose(rotation[0], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(centre[0], 0, atol=1e-12)
    point = rng.normal(size=3)
    seen = turns @ point + shifts
    np.testing.assert_allclose(np.einsum("fij,fj->fi", rotation, seen[0] - centre), seen, atol=1e-12)


class Kept:
    """A place for work in progress, in memory."""

    arrays: dict | None = None

    def load(self):
        return self.arrays

    def save(self, arrays):
        self.arrays = {name: np.array(value) for name, value in arrays.items()}


@pytest.mark.parametrize("error", [None, 0.25])
def test_a_shot_is_kept_and_found_again(error):
    place = Kept()
    shot = SlamShot(np.eye(3)[None], np.ones((1, 3)), np.array([True]), "full", True, 4, error)
    SavedWork(place).put_shot(3, shot)
    SavedWork(place).put_tried({50: 1.5})
    SavedWork(place).put_fov(52.0)
    again = SavedWork(place)
    assert again.shot(0) is None
    assert again.shot(3).facts() == shot.facts()
    assert (again.fov, again.tried) == (52.0, {50: 1.5})
    assert (SavedWork(None).fov, SavedWork(None).tried) == (None, {})


# With weights.


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Two files of the recording's weights: as they are, and with an operator that always sees motion."""
    torch = pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("droid")
    tensors = torch_tensors("droid/manifest.json")
    torch.save(tensors, folder / "still.pth")
    key = "module.update.delta.2.bias"
    moving = tensors | {key: tensors[key] + torch.tensor([2.5, 1.0, 0.0])[: len(tensors[key])]}
    torch.save(moving, folder / "moving.pth")
    return folder


@pytest.fixture
def small(monkeypatch):
    """Small pictures, few edges, few looks: what is computed is all there is, but takes seconds."""
    pytest.importorskip("torch")
    from kinema.camera.slam import fields_of_view, images, settings

    near = settings.Nearness(1, 1, 16.0)
    few = dataclasses.replace(
        settings.FULL, warmup=3, looks=1, steps=(1, 1), recent=2, window=3, most=8, oldest=5, beginning=near,
        frontend=near, backend=near, redundant=0.0,
    )  # fmt: skip
    monkeypatch.setattr(settings, "FULL", few)
    monkeypatch.setattr(settings, "SEARCHING", few)
    monkeypatch.setattr(fields_of_view, "COARSE", (50, 60))
    monkeypatch.setattr(fields_of_view, "FINE", (1,))
    monkeypatch.setattr(fields_of_view, "EVERY", 2)
    monkeypatch.setattr(images, "AREA", 128 * 232)


@pytest.fixture
def clip():
    """The first 8 frames of a real clip, open."""
    path = outside("KINEMA_DATA", "../shared/data") / "videos" / "football_juggle_single_handheld.mp4"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    with open_video(path, end=8 / 24) as video:
        yield video


def tracked(video, box=(300, 100, 500, 700), frames=None, **fields) -> Motion:
    times = [frame.time for frame in video][:frames]
    person = Person(id=1, frames=np.arange(len(times)), boxes=np.tile(np.array(box, float), (len(times), 1)))
    return Motion(times, video.width, video.height, people=(person,), **fields)


@pytest.mark.torch
@pytest.mark.real
@pytest.mark.golden
@pytest.mark.slow
def test_a_real_clip_with_a_cut_gets_a_path_in_metres(checkpoints, small, clip, tmp_path, monkeypatch):
    """Plumbing only: nobody trained these weights. All frames get a pose, the lens that fits best is taken, the shots
    begin at themselves, and work that was kept is not done again."""
    motion = tracked(clip, cuts=[5])
    frames = motion.num_frames
    np.savez(tmp_path / "depth.npz", depth=np.full((frames, 9, 16), 3.0))
    options = CameraOptions(method="droid", droid=checkpoints / "moving.pth", depth=tmp_path / "depth.npz")
    told, place = [], Kept()
    context = Context(video=clip, progress=lambda done, total: told.append(done / total), partial=place)
    found = find_camera(motion, options=options, context=context)
    path = path_of(found.data)
    assert len(path) == frames
    assert path.kind == "full"
    assert path.metric
    assert path.found.all()
    np.testing.assert_allclose(path.rotation[[0, 5]], np.tile(np.eye(3), (2, 1, 1)), atol=1e-5)
    np.testing.assert_allclose(path.centre[[0, 5]], 0, atol=1e-5)
    assert np.isfinite(path.centre).all()
    assert np.ptp(path.centre[:5], axis=0).max() > 0
    assert found.camera.focal_source == "estimated"
    assert set(context.facts["fov_errors"]) <= {"50", "51", "60", "61"}
    assert context.facts["fov_errors"][str(round(found.camera.fov))] == min(context.facts["fov_errors"].values())
    np.testing.assert_allclose(path.intrinsics, found.camera.intrinsics)
    assert [shot["keyframes"] for shot in context.facts["shots"]] == [5, frames - 5]
    assert told == sorted(told)
    assert told[-1] == 1

    def refused(*_):
        raise AssertionError("it is looked at again")

    monkeypatch.setattr(droid.DroidRun, "features", refused)
    again = find_camera(motion, options=options, context=Context(video=clip, partial=place))
    np.testing.assert_array_equal(path_of(again.data).centre, path.centre)
    assert again.camera.fov == found.camera.fov


@pytest.mark.torch
@pytest.mark.real
@pytest.mark.golden
def test_a_camera_before_which_nothing_moves_stands_still(checkpoints, small, clip):
    options = CameraOptions(method="droid", droid=checkpoints / "still.pth")
    context = Context(video=clip)
    found = find_camera(tracked(clip, frames=4), options=options, context=context)
    path = path_of(found.data)
    assert path.kind == "static"
    np.testing.assert_array_equal(path.rotation, np.tile(np.eye(3), (4, 1, 1)))
    assert not path.centre.any()
    assert not path.metric


@pytest.mark.torch
@pytest.mark.real
@pytest.mark.golden
def test_people_everywhere_leave_no_world(checkpoints, small, clip):
    options = CameraOptions(method="droid", droid=checkpoints / "still.pth", fov=60)
    context = Context(video=clip)
    motion = tracked(clip, box=(-5, -5, 1400, 900), frames=3)
    found = find_camera(motion, options=options, context=context)
    assert path_of(found.data) is None
    assert "0% of the frames only" in context.notes[0]


@pytest.mark.real
def test_masks_hide_people_where_there_are_some(clip, tmp_path):
    masks = np.zeros((3, clip.height, clip.width), bool)
    masks[:, :300, 200:500] = True
    np.save(tmp_path / "masks.npy", masks)
    motion = tracked(clip, frames=3)
    (person,) = motion
    masked = motion.replace(people=(person.replace(masks=StoredArray(tmp_path / "masks.npy")),))
    for each, expected in ((masked, masks.mean()), (motion, None)):
        pictures = WorkingImages(clip, each)
        people = [people for _, _, people in pictures.read(range(3))]
        assert len(people) == 3
        assert people[0].shape == pictures.size
        if expected is not None:
            assert people[0].mean() == pytest.approx(expected, abs=0.01)  # of its edge's pixels


@pytest.mark.torch
@pytest.mark.golden
def test_one_picture_shows_no_motion(checkpoints):
    pytest.importorskip("torch")
    motion = Motion([0.0], 640, 480)
    with pytest.raises(InputError, match="one image shows no motion"):
        droid.find_droid(motion, Context(), CameraOptions(method="droid", droid=checkpoints / "still.pth"))


def test_the_checkpoint_goes_with_the_method():
    for name in ("droid", "depth"):
        with pytest.raises(UsageError, match=f"`{name}` must go with `camera_method` droid"):
            CameraOptions(**{name: "x.pth"})


def test_without_torch_it_says_how_to_install_it(monkeypatch, capsys):
    def missing():
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(droid, "require_torch", missing)
    assert main(["camera", "clip.mp4", "--camera-method", "droid"]) == 2
    assert "pip install 'kinema[torch]'" in capsys.readouterr().err


@pytest.mark.torch
@pytest.mark.golden
def test_a_file_that_is_not_the_checkpoint_is_refused_before_anything_is_done(checkpoints, tmp_path, capsys):
    torch = pytest.importorskip("torch")
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    (tmp_path / "cut.pth").write_bytes((checkpoints / "still.pth").read_bytes()[:100_000])
    for name, message in (("other", "is not a DROID-SLAM checkpoint"), ("cut", "cut.pth"), ("none", "is not a file")):
        code = main(["camera", "no.mp4", "--camera-method", "droid", "--droid", str(tmp_path / f"{name}.pth")])
        said = capsys.readouterr().err
        assert code in (2, 3), said
        assert message in said
        assert "no.mp4" not in said
        assert "Traceback" not in said


def test_weights_that_are_missing_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KINEMA_WEIGHTS", str(tmp_path))
    from kinema.models.droid.release import weights_file

    with pytest.raises(WeightsError, match=r"download droid\.pth"):
        weights_file()
