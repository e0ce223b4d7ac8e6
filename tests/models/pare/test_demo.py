"""PARE's demo: the whole pipeline against the authors' output, its files, its options, its bad input."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import InputError, UsageError, WeightsError
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.video import VideoWriter, open_video
from tests.helpers.goldens import cases, thinned
from tests.helpers.pare_samples import picture

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

TIMES = (0, 0.04, 0.08, 0.16, 0.2, 0.24, 0.3)
FRAMES = len(TIMES)
KEYS = {
    "pred_cam", "orig_cam", "verts", "pose", "betas", "joints3d", "joints2d", "smpl_joints2d", "bboxes", "frame_ids"
}  # fmt: skip
SIZE = (320, 240)


@pytest.fixture(scope="module")
def answers(pipeline, remembering):
    """The network's outputs for the tracks of the recorded clip, in batches that mix people and frames."""
    from kinema.models.pare.tracks import regress_tracks

    seed = int(pipeline["video.picture_seed0"])
    ids = cases(pipeline, r"video\.p(\d+)\.in\.frames")
    tracks = {id: (pipeline[f"video.p{id}.in.frames"], pipeline[f"video.p{id}.in.bbox"]) for id in ids}
    images = (picture(seed + i) for i in range(int(pipeline["video.frames"])))
    return tracks, regress_tracks(images, tracks, remembering, batch_size=3)


@pytest.mark.golden
@pytest.mark.parametrize("smooth", [False, True])
def test_parity_with_the_authors_demo(pipeline, answers, definition, smooth) -> None:
    from kinema.models.pare.options import DemoOptions
    from kinema.models.pare.published_keys import demo_person

    tracks, found = answers
    for id, (frames, boxes) in tracks.items():
        person = demo_person(found[id], frames, boxes, SIZE, definition, DemoOptions(smooth=smooth, parity=True))
        assert set(person) == KEYS
        assert person["pose"].shape == (len(frames), 24, 3, 3)
        prefix = f"video.smooth.p{id}." if smooth else f"video.p{id}."
        step, vertices = thinned(pipeline, f"{prefix}verts")
        np.testing.assert_allclose(person["verts"][:, ::step], vertices, atol=1e-4)
        recorded = set(cases(pipeline, re.escape(prefix) + r"(\w+)")) & KEYS
        assert recorded >= ({"pose", "joints3d"} if smooth else KEYS - {"joints2d", "verts"})
        for key in recorded:
            # Pixels are 240 times larger than the crop's unit.
            tolerance = {"smpl_joints2d": 5e-3}.get(key, 1e-4)
            np.testing.assert_allclose(person[key], pipeline[prefix + key], atol=tolerance, err_msg=key)


def test_default_writes_axis_angles(answers, definition) -> None:
    from kinema.models.pare.options import DemoOptions
    from kinema.models.pare.published_keys import demo_person

    tracks, found = answers
    id, (frames, boxes) = next(iter(tracks.items()))
    plain = demo_person(found[id], frames, boxes, SIZE, definition)
    assert plain["pose"].shape == (len(frames), 72)
    np.testing.assert_allclose(axis_angle_to_matrix(plain["pose"].reshape(-1, 24, 3)), found[id].rotations, atol=1e-4)
    smooth = demo_person(found[id], frames, boxes, SIZE, definition, DemoOptions(smooth=True, vertices=False))
    assert smooth["verts"] is None
    assert np.all(np.isfinite(smooth["joints3d"]))


# --- files -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Images at uneven times."""
    path = tmp_path_factory.mktemp("clip") / "walk.mp4"
    with VideoWriter(path, *SIZE) as writer:
        for i in range(FRAMES):
            writer.write(picture(50 + i), TIMES[i])
    return path


@pytest.fixture(scope="module")
def detections(tmp_path_factory) -> Path:
    """Two people; the second is absent in frames 3 and 4, and frame 5 is empty."""
    rows = []
    for frame in range(FRAMES):
        if frame == 5:
            continue
        rows.append((frame, 40 + frame, 30, 120 + frame, 200, 0.95))
        if frame not in (3, 4):
            rows.append((frame, 200, 60, 280, 230, 0.9))
    path = tmp_path_factory.mktemp("boxes") / "detections.csv"
    np.savetxt(path, rows, delimiter=",")
    return path


def test_command_writes_the_documented_file(clip, detections, release_folder, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    command = ["pare-demo", "--vid_file", str(clip), "--output_folder", str(out), "--data", str(release_folder)]
    command += ["--detections", str(detections), "--threads", "1", "--smooth", "--wireframe", "--sideview"]
    assert main([*command, "--draw_keypoints", "--save-obj", "--batch_size", "4", "--show_attention"]) == 0
    folder = out / "walk_pare"
    with (folder / "pare_output.pkl").open("rb") as file:
        people = pickle.load(file)
    assert sorted(people) == [1, 2]
    for person in people.values():
        n = len(person["frame_ids"])
        assert set(person) == KEYS
        shapes = {"pred_cam": (n, 3), "orig_cam": (n, 4), "verts": (n, 6890, 3), "pose": (n, 72), "betas": (n, 10),
                  "joints3d": (n, 49, 3), "smpl_joints2d": (n, 49, 2), "bboxes": (n, 4)}  # fmt: skip
        for key, shape in shapes.items():
            assert person[key].shape == shape
        assert person["joints2d"] is None
        assert (folder / "meshes" / "0001" / "000000.obj").is_file()
    with open_video(folder / "walk_result.mp4") as video:
        assert (video.width, video.height) == (640, 240)
        times = [frame.time for frame in video]
    np.testing.assert_allclose(times, TIMES, atol=1e-3)
    assert (folder / "walk_attention.mp4").is_file()
    said = capsys.readouterr().out
    assert "body: SMPL_NEUTRAL.pkl; joints: published" in said


@pytest.mark.usefixtures("one_network")
@pytest.mark.parametrize(("option", "kept"), [([], False), (["--verts"], True)])
def test_vertices_of_long_videos_are_left_out(
    clip, detections, release_folder, tmp_path, monkeypatch, capsys, option, kept
) -> None:
    monkeypatch.setattr("kinema.pipeline.pare_demo.MOST_VERTICES", 5 * 6890 * 12)
    command = ["pare-demo", "--vid_file", str(clip), "--output_folder", str(tmp_path), "--data", str(release_folder)]
    command += ["--detections", str(detections), "--threads", "1", "--no_render", *option]
    assert main(command) == 0
    with (tmp_path / "walk_pare" / "pare_output.pkl").open("rb") as file:
        people = pickle.load(file)
    assert all((person["verts"] is not None) == kept for person in people.values())
    told = capsys.readouterr()
    assert ("--verts keeps them" in told.out + told.err) == (not kept)


@pytest.mark.usefixtures("one_network")
def test_files_open_without_kinema(clip, detections, release_folder, tmp_path) -> None:
    """Parity: the original's folder name, matrices, 25 frames a second; joblib reads the file elsewhere."""
    from kinema.formats import load_motion

    pytest.importorskip("joblib")
    command = ["pare-demo", "--vid_file", str(clip), "--output_folder", str(tmp_path), "--data", str(release_folder)]
    assert main([*command, "--detections", str(detections), "--parity", "--threads", "1", "--quiet"]) == 0
    path = tmp_path / "walk_" / "pare_output.pkl"
    code = f"import joblib; d = joblib.load({str(path)!r}); print(d[1]['pose'].shape)"
    out = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "(6, 24, 3, 3)"
    with open_video(tmp_path / "walk_" / "walk_result.mp4") as video:
        np.testing.assert_allclose([f.time for f in video], np.arange(FRAMES) / 25, atol=1e-3)
    motion = load_motion(path)  # Kinema's own reader of PARE's files takes it, too
    assert sorted(person.id for person in motion) == [1, 2]


@pytest.fixture
def two_people(monkeypatch):
    """Two boxes in every image, one of them beyond its border; the detector is not under test here."""
    from kinema.pipeline import pare_people

    real = pare_people.people_in

    def found(file, tracking=None, video=None):
        with open_video(file, options=video) as reader:
            image = next(iter(reader)).image
        if "empty" in Path(file).name:
            return image, np.zeros((0, 4))
        h, w = image.shape[:2]
        return image, np.array([[w / 2, h / 2, h, h], [0.0, 0.0, h, h]], dtype=float)

    monkeypatch.setattr(pare_people, "people_in", found)
    return real


@pytest.mark.usefixtures("one_network")
def test_image_folder(two_people, release_folder, tmp_path, capsys) -> None:
    """Images of all kinds: gray, 16 bits, CMYK, one pixel, corrupt, without people."""
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    image = picture(3)
    cv2.imwrite(str(folder / "colour.png"), image[..., ::-1])
    cv2.imwrite(str(folder / "deep.png"), image[..., ::-1].astype(np.uint16) * 257)
    Image.fromarray(image).convert("CMYK").save(folder / "print.jpg", quality=95)
    cv2.imwrite(str(folder / "one.png"), np.full((1, 1, 3), 99, np.uint8))
    cv2.imwrite(str(folder / "empty.png"), image)
    (folder / "damaged.png").write_bytes(b"\x89PNG nothing")
    out = tmp_path / "out"
    command = ["pare-demo", "--image_folder", str(folder), "--output_folder", str(out), "--data", str(release_folder)]
    assert main([*command, "--threads", "1", "--show_attention"]) == 0
    written = out / "pictures_pare"
    poses = {}
    for name in ("colour", "deep", "print", "one"):
        with (written / f"{name}.pkl").open("rb") as file:
            content = pickle.load(file)
        assert set(content) == {
            "smpl_vertices", "smpl_joints3d", "smpl_joints2d", "pred_cam_t", "pred_segm_mask", "pred_pose", "pred_cam",
            "pred_shape", "bboxes", "orig_cam",
        }  # fmt: skip
        assert content["smpl_vertices"].shape == (2, 6890, 3)
        assert content["pred_segm_mask"].shape == (2, 25, 56, 56)
        assert (written / f"{name}.png").is_file()
        assert (written / f"{name}_attention_2.png").is_file()
        poses[name] = content["pred_pose"]
    np.testing.assert_allclose(poses["deep"], poses["colour"], atol=1e-5)
    assert not (written / "empty.pkl").exists()
    told = capsys.readouterr().err
    assert "nobody was found in empty.png" in told
    assert "damaged.png" in told


# --- bad input ---------------------------------------------------------------------------------------


def test_no_checkpoint_says_what_to_get(clip, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    assert main(["pare-demo", "--vid_file", str(clip), "--output_folder", str(tmp_path)]) == WeightsError.exit_code
    said = capsys.readouterr().err
    for part in ("pare_w_3dpw_checkpoint.ckpt", "prepare_data.sh", "non-commercial", "kinema weights add pare-3dpw"):
        assert part in said
    assert main(["run", str(clip), "--estimator", "pare", "--out", str(tmp_path)]) == WeightsError.exit_code
    assert "kinema weights add pare-3dpw" in capsys.readouterr().err


def test_checkpoints_go_through_the_hub(checkpoint, tmp_path, monkeypatch, capsys) -> None:
    """`kinema weights add` checks and keeps the file; agreeing to the licence comes first."""
    from kinema.models.pare.release import PareRelease

    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    other = tmp_path / "other.ckpt"
    other.write_bytes(b"no weights at all")
    assert main(["weights", "add", "pare-3dpw", str(other), "--accept-licence"]) == InputError.exit_code
    assert main(["weights", "add", "pare-3dpw", str(checkpoint), "--accept-licence"]) == 0
    assert PareRelease().checkpoint() == PareRelease().checkpoint("pare-3dpw")
    with pytest.raises(WeightsError, match="kinema weights add pare "):
        PareRelease().checkpoint("pare")
    with pytest.raises(WeightsError, match="is not a file"):
        PareRelease().checkpoint(tmp_path / "nothing.ckpt")
    assert PareRelease().body().name == "free"


def test_wrong_use(clip, detections, release_folder, tmp_path) -> None:
    from kinema.models.pare.options import DemoOptions
    from kinema.pipeline.pare_demo import demo_video
    from kinema.pipeline.pare_demo_options import PareDemoOptions
    from kinema.pipeline.pare_people import read_detections

    with pytest.raises(UsageError, match="parity"):
        PareDemoOptions(run_smplify=True, demo=DemoOptions(parity=True))
    with pytest.raises(UsageError, match="keypoints"):
        PareDemoOptions(detections=detections, tracking_method="pose")
    with pytest.raises(UsageError, match="batch"):
        DemoOptions(batch_size=0)
    options = PareDemoOptions(data=release_folder, body_model=tmp_path / "SMPL_NEUTRAL.pkl", detections=detections)
    with pytest.raises(InputError, match="does not exist"):
        demo_video(clip, tmp_path, options)
    nobody = tmp_path / "nobody.csv"
    np.savetxt(nobody, [(0, 1, 1, 5, 5, 0.1)], delimiter=",")
    with pytest.raises(InputError, match="nobody"):
        demo_video(clip, tmp_path, PareDemoOptions(data=release_folder, detections=nobody))
    for text in ("frame,x\n", "1,2,3\n", "0,5,5,1,1,0.9\n"):
        wrong = tmp_path / "wrong.csv"
        wrong.write_text(text)
        with pytest.raises(InputError, match="detections"):
            read_detections(wrong)
    with pytest.raises(InputError, match="not a folder"):
        demo_video(clip, tmp_path, PareDemoOptions(data=tmp_path / "nowhere"))
