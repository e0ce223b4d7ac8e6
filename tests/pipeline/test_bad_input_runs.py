"""`kinema run` with the real stages on realistic bad input: one sentence, the right exit code, nothing lost."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.motion import Motion
from kinema.video import open_video
from tests.helpers.video_clips import rotation_matrix, set_display_matrix, write_clip

pytestmark = [pytest.mark.usefixtures("networks"), pytest.mark.slow]
FAST_START = {"movflags": "+faststart"}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def person_clip(tmp_path, pictures):
    """A function that writes the rendered person as a video; arguments as for `write_clip`."""

    def write(name: str = "clip.mp4", ticks=None, **how) -> Path:
        images = how.pop("images", pictures)
        height, width = images[0].shape[:2]
        ticks = tuple(range(len(images))) if ticks is None else ticks
        how = {"time_base": Fraction(1, 10), "rate": 10, "width": width, "height": height} | how
        return write_clip(tmp_path / name, ticks, draw=lambda i, w, h: images[i], **how)

    return write


def run(*arguments: str) -> int:
    return main(["run", *arguments, "--quiet"])


def record() -> dict:
    (folder,) = (f for f in Path("outputs").iterdir() if not f.name.startswith("."))
    return json.loads((folder / "run.json").read_text())


def result(name: str = "clip") -> Motion:
    return Motion.load(f"output-pkl-files/{name}.pkl")


def assert_one_sentence(printed: str, *words: str) -> None:
    assert printed.startswith("kinema: ")
    assert printed.count("\n") == 1, printed
    for word in words:
        assert word in printed


def test_the_person_is_found_and_written(person_clip):
    person_clip()
    assert run("clip.mp4", "--no-overlay") == 0
    motion = result()
    assert len(motion.people) == 1
    assert set(motion.people[0].filled) == {
        "boxes", "confidence", "observed", "keypoints", "keypoint_confidence", "keypoints3d", "joints", "pose", "betas",
        "transl", "joints_world", "pose_world", "transl_world", "contacts", "reprojection_error", "joint_seen",
    }  # fmt: skip
    names = [stage.name for stage in motion.provenance]
    assert names == ["track", "fit", "filter", "world"]
    assert [*record()["seconds"]][: len(names)] == names
    assert {path.name.split("-")[0] for path in Path("outputs").glob("*/.stages/*.npz")} <= set(names)
    with open("output-pkl-files/clip.pkl", "rb") as file:
        assert pickle.load(file)[1]["pose"].shape == (16, 72)


def test_missing_file(capsys):
    assert run("missing.mp4") == 3
    assert_one_sentence(capsys.readouterr().err, "missing.mp4", "does not exist")
    assert not Path("outputs").exists()


@pytest.mark.parametrize("content", [b"this is no video\n" * 100, b"", b"\x00" * 5000, b"\x89PNG\r\n\x1a\n broken"])
def test_not_a_video(content, capsys):
    Path("clip.mp4").write_bytes(content)
    assert run("clip.mp4") == 3
    assert_one_sentence(capsys.readouterr().err, "clip.mp4")
    assert not Path("outputs").exists()


def test_truncated_video_is_used_as_far_as_it_goes_and_said(person_clip):
    clip = person_clip(container_options=FAST_START, options={"g": "4", "bf": "0"})
    clip.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * 0.7)])
    assert run("clip.mp4", "--no-overlay", "--min-track-frames", "2") == 0
    assert 2 < result().num_frames < 16
    assert record()["warnings"]


def test_damage_in_the_middle(person_clip):
    clip = person_clip(container_options=FAST_START, options={"g": "4", "bf": "0"})
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(0).integers(0, 256, 4000, dtype=np.uint8).tobytes()
    clip.write_bytes(data)
    assert run("clip.mp4", "--no-overlay") == 0
    assert result().people


def test_a_video_without_frames(tmp_path, person_clip, capsys):
    clip = person_clip(container_options=FAST_START)
    data = clip.read_bytes()
    clip.write_bytes(data[: data.index(b"mdat") + 4])  # the header alone
    assert run("clip.mp4") == 3
    assert_one_sentence(capsys.readouterr().err, "clip.mp4")


def test_one_frame(person_clip, pictures):
    person_clip(images=pictures[:1])
    assert run("clip.mp4") == 0
    motion = result()
    assert motion.num_frames == 1
    assert np.isfinite(motion.people[0].joints_world).all()
    with open_video(record_folder() / "overlay.mp4") as drawn:
        assert len(list(drawn)) == 1


def record_folder() -> Path:
    return next(f for f in Path("outputs").iterdir() if not f.name.startswith("."))


def test_odd_sizes(person_clip, pictures):
    person_clip(images=[image[:479, :601] for image in pictures], pix_fmt="yuv444p")
    assert run("clip.mp4") == 0
    assert (result().width, result().height) == (601, 479)
    with open_video(record_folder() / "overlay.mp4") as drawn:
        assert abs(drawn.width - 601) <= 1
        assert abs(drawn.height - 479) <= 1


def test_sixteen_pixels(person_clip, pictures, capsys):
    person_clip(images=[np.ascontiguousarray(image[::30, ::40]) for image in pictures])
    assert run("clip.mp4") == 3
    assert_one_sentence(capsys.readouterr().err, "nobody was found")


def test_8k(person_clip, pictures):
    person_clip(images=[np.repeat(np.repeat(image, 9, 0), 12, 1) for image in pictures[:2]], codec="mpeg4")
    assert run("clip.mp4", "--min-track-frames", "1") == 0
    assert (result().width, result().height) == (7680, 4320)
    with open_video(record_folder() / "overlay.mp4") as drawn:
        assert (drawn.width, drawn.height) == (7680, 4320)


def test_rotated_phone_video(person_clip, pictures):
    clip = person_clip(images=[np.ascontiguousarray(np.rot90(image)) for image in pictures])
    set_display_matrix(clip, rotation_matrix(90))
    assert run("clip.mp4") == 0
    motion = result()
    assert (motion.width, motion.height) == (640, 480)
    pelvis, head = motion.people[0].joints[:, 0], motion.people[0].joints[:, 15]
    assert (head[:, 1] < pelvis[:, 1] - 0.3).all()  # y points down: the head is up
    with open_video(record_folder() / "overlay.mp4") as drawn:
        assert (drawn.width, drawn.height) == (640, 480)


def test_variable_frame_rate_keeps_its_times(person_clip):
    ticks = np.cumsum(np.tile([50, 100, 150, 33], 4)) - 50
    person_clip(ticks=tuple(int(t) for t in ticks), time_base=Fraction(1, 1000), rate=1000)
    assert run("clip.mp4") == 0
    np.testing.assert_allclose(result().times, ticks / 1000, atol=1e-3)
    with open_video(record_folder() / "overlay.mp4") as drawn:
        np.testing.assert_allclose([frame.time for frame in drawn], ticks / 1000, atol=2e-3)


def test_nobody_in_it(person_clip, capfd):
    noise = np.random.default_rng(0)
    room = noise.integers(0, 256, (48, 64, 3), dtype=np.uint8).repeat(5, 0).repeat(5, 1)
    person_clip(images=[room] * 12)
    assert run("clip.mp4") == 3
    assert_one_sentence(capfd.readouterr().err, "nobody was found in clip.mp4")
    assert record()["status"] == "failed"
    assert not Path("output-pkl-files").exists()


def test_a_person_leaves_and_returns(person_clip, pictures):
    empty = np.median(np.stack(pictures), axis=0).astype(np.uint8)
    empty[:] = np.median(empty[:, :60], axis=1, keepdims=True).astype(np.uint8)  # the room without the person
    images = pictures[:6] + [empty] * 6 + pictures[6:12]
    person_clip(images=images)
    assert run("clip.mp4", "--min-track-frames", "3") == 0
    present = set(np.concatenate([person.frames[person.observed] for person in result()]).tolist())
    assert len(present & set(range(6))) >= 5
    assert len(present & set(range(12, 18))) >= 5
    assert not present & set(range(8, 11))


def test_a_time_range_outside_the_video(person_clip, capsys):
    person_clip()
    assert run("clip.mp4", "--time-range", "50-60") == 3
    assert_one_sentence(capsys.readouterr().err, "50-60 s")


def test_a_folder_of_images(pictures, tmp_path):
    import cv2

    (tmp_path / "walk").mkdir()
    for index, image in enumerate(pictures):
        cv2.imwrite(str(tmp_path / "walk" / f"{index:04d}.png"), image[:, :, ::-1])
    assert run("walk", "--no-overlay") == 0
    assert result("walk").num_frames == 16
    (tmp_path / "empty").mkdir()
    assert run("empty") == 3


class _Attack:
    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("content", [pickle.dumps(_Attack()), b"", b"no pickle", pickle.dumps({"v_template": 3})])
@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_unreadable_and_malicious_body_models(person_clip, content, suffix, capsys):
    person_clip()
    Path("body" + suffix).write_bytes(content)
    assert run("clip.mp4", "--body-model", "body" + suffix) == 3
    assert_one_sentence(capsys.readouterr().err, "body" + suffix)
    assert not Path("harmed").exists()
    assert not Path("outputs").exists()


def wait_for_tracking(process: subprocess.Popen) -> None:
    """Return when the process has kept the first stage's result, which is while the next ones go on."""
    while not list(Path().glob("outputs/*/.stages/track-*.npz")):
        assert process.poll() is None, "the run ended before its first stage did"
        time.sleep(0.005)


def test_killed_in_the_middle_and_started_again(person_clip):
    person_clip()
    command = [sys.executable, "-m", "kinema", "run", "clip.mp4", "--quiet", "--no-overlay"]
    process = subprocess.Popen(command)
    wait_for_tracking(process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert record()["status"] == "running"
    assert subprocess.run(command, check=False).returncode == 0
    assert record()["status"] == "done"
    assert "track" in record()["reused"]


def test_ctrl_c_in_the_middle(person_clip):
    person_clip()
    # A test run that was started in the background leaves Ctrl-C ignored to its children.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from kinema.__main__ import main; sys.exit(main(['run', 'clip.mp4']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    wait_for_tracking(process)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to continue" in printed
    assert "Traceback" not in printed
    assert record()["status"] == "interrupted"
    assert run("clip.mp4") == 0
    assert "track" in record()["reused"]


def test_the_same_run_twice_at_once(person_clip):
    person_clip()
    command = [sys.executable, "-m", "kinema", "run", "clip.mp4", "--quiet", "--no-overlay"]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate(timeout=200)[1] for process in processes]
    codes = sorted(process.returncode for process in processes)
    # Either they overlapped, and one was told so, or the first had finished and the second found its result.
    assert codes in ([0, 3], [0, 0])
    if codes == [0, 3]:
        assert any("already going on in another process" in text for text in printed)
    assert len([f for f in Path("outputs").iterdir() if not f.name.startswith(".")]) == 1
    assert record()["status"] == "done"


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files by the operating system")
def test_a_disk_that_is_full(person_clip):
    """A limit on file sizes simulates the full disk: writes fail half-way."""
    person_clip()
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000));"
        "from kinema.__main__ import main; sys.exit(main(['run', 'clip.mp4', '--quiet']))"
    )
    process = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False)
    assert process.returncode == 3
    assert "Traceback" not in process.stderr
    assert not list(Path().glob("output-pkl-files/*.pkl"))
    assert run("clip.mp4", "--no-overlay") == 0
