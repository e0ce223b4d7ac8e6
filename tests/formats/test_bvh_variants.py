"""BVH as different programs write it: the same motion, whatever the spelling; what was assumed is said."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.formats import load_motion, save_motion


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The text of a BVH of twelve frames, and the joints that it is read as."""
    from kinema.body import load_body
    from kinema.synthetic import procedural_motion, studio_camera

    motion = procedural_motion(load_body(), "on-the-spot", fps=30, camera=studio_camera(640, 480)).slice(end=0.4)
    path = save_motion(motion, tmp_path_factory.mktemp("bvh") / "walk.bvh")
    return path.read_text(), load_motion(path).people[0].joints_world


def rows_of(text: str) -> tuple[str, list[str]]:
    head, frame_time, rows = re.split(r"(Frame Time: .*\n)", text)
    return head + frame_time, rows.splitlines()


def wrapped(text: str) -> str:
    head, rows = rows_of(text)
    lines = []
    for row in rows:
        words = row.split()
        lines += [" ".join(words[i : i + 10]) for i in range(0, len(words), 10)]
    return head + "\n".join(lines) + "\n"


def commas_between(text: str) -> str:
    head, rows = rows_of(text)
    return head + "".join(f"{row.replace(' ', ', ')}\n" for row in rows)


def lower_keywords(text: str) -> str:
    for word in ("HIERARCHY", "ROOT", "JOINT", "OFFSET", "CHANNELS", "MOTION", "End Site", "Frames", "Frame Time"):
        text = text.replace(word, word.lower())
    return text


SAME: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "lower case": (lower_keywords, ""),
    "upper case": (lambda text: text.replace("End Site", "END SITE").replace("position", "POSITION"), ""),
    "no space after the colon": (lambda text: text.replace("Frames: ", "Frames:").replace("Time: ", "Time:"), ""),
    "space before the colon": (lambda text: text.replace("Frames: ", "Frames : ").replace("Time: ", "Time : "), ""),
    "one word for the time": (lambda text: text.replace("Frame Time:", "FrameTime:"), ""),
    "windows": (lambda text: text.replace("\n", "\r\n").encode(), ""),
    "old mac": (lambda text: text.replace("\n", "\r").encode(), ""),
    "utf-8 mark": (lambda text: b"\xef\xbb\xbf" + text.encode(), ""),
    "utf-16": (lambda text: text.encode("utf-16"), ""),
    "latin-1 name": (lambda text: text.replace("left_hand", "linke_H\xe4nd").encode("latin-1"), None),
    "comments": (lambda text: "# made by hand\n" + text.replace("MOTION", "// the motion\nMOTION"), ""),
    "braces on the line": (lambda text: re.sub(r"((?:ROOT|JOINT) \w+)\n\s*\{", r"\1 {", text), ""),
    "brace of an end site": (lambda text: re.sub(r"End Site\n\s*\{", "End Site {", text), ""),
    "named end sites": (lambda text: text.replace("End Site", "End Site toe_end"), ""),
    "wrapped rows": (wrapped, ""),
    "no spare lines": (lambda text: text.rstrip("\n"), ""),
    "spare lines": (lambda text: text + "\n\n \n", ""),
    "decimal commas": (lambda text: text.replace(".", ","), "numbers have decimal commas"),
    "commas between": (commas_between, ""),
    "comment on the line": (lambda text: re.sub(r"(Frames: \d+)", r"\1 # all of them", text), ""),
    "no frames promised": (lambda text: re.sub(r"Frames: \d+", "Frames: 0", text), "promises 0 frames and holds 12"),
    "brace at the name": (lambda text: re.sub(r"(ROOT|JOINT) (\w+)\n\s*\{", r"\1 \2{", text), ""),
    "end sites in one word": (lambda text: text.replace("End Site", "EndSite"), ""),
    "utf-16 without a mark": (lambda text: text.encode("utf-16-le"), ""),
    "part of a row more": (lambda text: text + "1 2 3\n", "an incomplete row after the last frame was left out"),
    "fewer promised": (lambda text: re.sub(r"Frames: \d+", "Frames: 5", text), "promises 5 frames and holds 12"),
    "more promised": (lambda text: re.sub(r"Frames: \d+", "Frames: 99", text), "promises 99 frames and holds 12"),
    "no number of frames": (lambda text: re.sub(r"Frames: \d+\n", "", text), ""),
    "text after the last frame": (lambda text: text + "end of file\n", "text after the last frame was left out"),
    "channels on the next line": (lambda text: text.replace("CHANNELS 3 ", "CHANNELS 3\n"), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_other_spellings_are_the_same_motion(name, written, tmp_path):
    change, note = SAME[name]
    text, joints = written
    changed, path = change(text), tmp_path / "other.bvh"
    assert changed != text
    path.write_bytes(changed.encode() if isinstance(changed, str) else changed)
    motion = load_motion(path)
    # A skeleton with another name is retargeted, so that its shape is fitted.
    np.testing.assert_allclose(motion.people[0].joints_world, joints, atol=2e-3 if note is None else 1e-6)
    if note is not None:
        found = " ".join(motion.data.get("notes", ()))
        assert note in found if note else not found


@pytest.mark.parametrize("time", ["0", "", "30", "0.0", "nan"])
def test_a_frame_time_that_is_none_needs_the_rate(time, written, tmp_path):
    text, joints = written
    path = tmp_path / "a.bvh"
    path.write_text(re.sub(r"Frame Time: .*", f"Frame Time: {time}".rstrip(), text))
    with pytest.raises(InputError, match=r"no frame time in seconds.*; give its frame rate with `fps`"):
        load_motion(path)
    motion = load_motion(path, fps=24)
    assert motion.fps == pytest.approx(24)
    np.testing.assert_allclose(motion.people[0].joints_world, joints, atol=1e-6)


def test_the_files_own_rate_wins(written, tmp_path):
    path = tmp_path / "a.bvh"
    path.write_text(written[0])
    assert load_motion(path, fps=24).fps == pytest.approx(30)


def test_joints_of_one_name_are_told_apart_by_their_places(written, tmp_path):
    text, _ = written
    path = tmp_path / "a.bvh"
    path.write_text(text.replace("left_hand", "Nub").replace("right_hand", "Nub").replace("JOINT head", "JOINT Nub"))
    motion = load_motion(path)
    assert any("several joints have the same name" in note for note in motion.data["notes"])


def test_a_scale_is_left_out_and_said(written, tmp_path):
    text, joints = written
    head, rows = rows_of(text)
    head = head.replace("CHANNELS 6 Xposition", "CHANNELS 9 Xscale Yscale Zscale Xposition", 1)
    path = tmp_path / "a.bvh"
    path.write_text(head + "\n".join(f"1 1 1 {row}" for row in rows) + "\n")
    motion = load_motion(path)
    np.testing.assert_allclose(motion.people[0].joints_world, joints, atol=1e-6)
    assert "the scale of pelvis was left out" in motion.data["notes"]


@pytest.mark.real
@pytest.mark.parametrize(
    "name", ["decimal_comma", "duplicate_names", "lowercase_keywords", "promises_30_has_90", "suffix_jnt"]
)
def test_files_that_went_wrong_are_the_control(name, data_dir):
    """Recorded motion; a skeleton whose hands share a name is no longer the body's own, so its shape is fitted."""
    folder = data_dir / "cases"
    if not (folder / "ok_mixamo_names.bvh").is_file():
        pytest.skip(f"{folder} has no BVH cases")
    control = load_motion(folder / "ok_mixamo_names.bvh").people[0].joints_world
    found = load_motion(folder / f"{name}.bvh").people[0].joints_world
    np.testing.assert_allclose(found, control, atol=1e-3)


@pytest.mark.real
def test_a_first_frame_in_a_t_pose_is_read_as_it_is(data_dir):
    folder = data_dir / "cases"
    if not (folder / "tpose_first_frame.bvh").is_file():
        pytest.skip(f"{folder} has no BVH cases")
    control = load_motion(folder / "ok_mixamo_names.bvh").people[0]
    found = load_motion(folder / "tpose_first_frame.bvh").people[0]
    assert len(found) == len(control) + 1
    np.testing.assert_allclose(found.joints_world[1:], control.joints_world, atol=1e-3)


@pytest.mark.parametrize("row", ["nan", "-nan", "1.#IND", "inf"])
def test_values_that_are_no_numbers_are_refused_wherever_they_are(row, written, tmp_path):
    head, rows = rows_of(written[0])
    rows[5] = " ".join([row] * len(rows[5].split()))
    path = tmp_path / "a.bvh"
    path.write_text(head + "\n".join(rows) + "\n")
    with pytest.raises(InputError, match=r"line \d+: a value is not"):
        load_motion(path)


def test_a_file_without_a_frame_time_line_needs_the_rate(written, tmp_path):
    text, joints = written
    path = tmp_path / "a.bvh"
    path.write_text(re.sub(r"Frame Time: .*\n", "", text))
    with pytest.raises(InputError, match="no frame time"):
        load_motion(path)
    np.testing.assert_allclose(load_motion(path, fps=30).people[0].joints_world, joints, atol=1e-6)
