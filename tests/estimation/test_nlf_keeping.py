"""What NLF locates on its way to the disk: a stopped run goes on, a full disk is one sentence, memory stays flat."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from kinema.errors import InputError, OutputError
from kinema.estimation import nlf_keeping
from kinema.estimation.nlf_people import locate_people
from kinema.estimation.nlf_points import CanonicalPoints, further_points
from kinema.models.nlf.options import NlfOptions
from kinema.motion import Motion
from kinema.person import POINT_UNCERTAINTY, POINTS, Person
from kinema.stage import Context
from kinema.storage import row_file
from kinema.storage.row_file import RowFile
from tests.helpers import nlf_samples
from tests.helpers.black_frames import BlackFrames

SIZE, FRAMES, VERTICES = (640, 480), 20, 7
CANONICAL = CanonicalPoints(np.zeros((VERTICES, 3)), np.zeros((24, 3)))


class Counting:
    """In the network's place: the n-th crop of the video's frame is the points n. stop: raised before that frame."""

    def __init__(self, stop: int | None = None, error: BaseException | None = None) -> None:
        self.stop, self.error, self.seen = stop, error, []

    def cropped(self, image, boxes, lens, settings):
        return [float(box[0]) for box in boxes]

    def located(self, people):
        if self.stop is not None and len(self.seen) >= self.stop:
            raise self.error
        self.seen += people
        points = np.array(people)[:, None, None] + np.arange(VERTICES + 24)[:, None] + np.arange(3)
        return points, points[..., 0] / 100


class Memory:
    """A `Partial` in memory."""

    def __init__(self) -> None:
        self.kept = None

    def load(self):
        return self.kept

    def save(self, arrays):
        self.kept = arrays


@pytest.fixture
def motion() -> Motion:
    """Two people, of whom one comes later; the corner of a box says whose it is, and when."""
    people = []
    for id, frames in ((1, np.arange(FRAMES)), (5, np.arange(6, FRAMES))):
        boxes = np.tile([0.0, 50, 600, 400], (len(frames), 1))
        boxes[:, 0] = 100 * id + frames / 4
        people.append(Person(id, frames, boxes=boxes))
    return Motion(np.arange(FRAMES) / 10, *SIZE, people=tuple(people))


def located(motion: Motion, folder, network: Counting, partial: Memory | None = None) -> Motion:
    context = Context(video=BlackFrames(FRAMES, SIZE), folder=folder, partial=partial)
    body = type("Body", (), {"name": "free"})
    return locate_people(motion, context, body, CANONICAL, network, NlfOptions(internal_batch_size=3))


def same(a: Motion, b: Motion) -> None:
    for one, other in zip(a, b, strict=True):
        for name in ("vertices", "vertex_uncertainty"):
            np.testing.assert_array_equal(getattr(one, name).open(), getattr(other, name).open())
        for name in ("joints", "joint_uncertainty"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
@pytest.mark.parametrize("stop", [4, 11, 26])
def test_a_stopped_stage_goes_on_where_it_was(motion, tmp_path, monkeypatch, stop, error):
    """Only the frame that it was in is looked at again, and the result is the same."""
    monkeypatch.setattr(nlf_keeping, "SECONDS", 0.0)
    whole = located(motion, tmp_path / "whole", Counting())
    partial, first = Memory(), Counting(stop, error)
    with pytest.raises(type(error)):
        located(motion, tmp_path / "parts", first, partial)
    assert not list((tmp_path / "parts").glob("*.npy"))
    rest = Counting()
    same(located(motion, tmp_path / "parts", rest, partial), whole)
    assert len(first.seen) + len(rest.seen) <= 34 + 2
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == sorted(
        f"{name}-{id}.npy" for id in (1, 5) for name in ("vertices", "vertex-uncertainty")
    )


def test_leftovers_of_other_people_are_not_gone_on_with(motion, tmp_path, monkeypatch):
    monkeypatch.setattr(nlf_keeping, "SECONDS", 0.0)
    partial = Memory()
    with pytest.raises(KeyboardInterrupt):
        located(motion, tmp_path, Counting(20, KeyboardInterrupt()), partial)
    part = tmp_path / "vertices-5.npy.part"
    part.write_bytes(part.read_bytes()[:-1])
    fresh = Counting()
    located(motion, tmp_path, fresh, partial)
    assert len(fresh.seen) == 34


def test_further_points_are_part_of_the_motion(motion, tmp_path):
    """Their places and uncertainties, also where the stage was stopped; they go along when frames are chosen and in
    files."""
    points = CanonicalPoints(CANONICAL.vertices, CANONICAL.joints, more=np.zeros((3, 3)))
    body, seen = type("Body", (), {"name": "free"}), []

    class Further(Counting):
        def located(self, people):
            seen.extend(people)
            found = np.array(people)[:, None, None] + np.arange(VERTICES + 24 + 3)[:, None] + np.arange(3)
            return found, found[..., 0] / 100

    context = Context(video=BlackFrames(FRAMES, SIZE), folder=tmp_path)
    found = locate_people(motion, context, body, points, Further(), NlfOptions())
    for person in found:
        corner = motion.person(person.id).boxes[:, 0]
        expected = corner[:, None] + np.arange(VERTICES + 24, VERTICES + 27)
        np.testing.assert_allclose(person.data[POINTS][..., 0], expected, rtol=1e-6)
        np.testing.assert_allclose(person.data[POINT_UNCERTAINTY], expected / 100, rtol=1e-6)
        assert person.joints[0, 0, 0] == corner[0] + VERTICES
        assert person.select(np.arange(2)).data[POINTS].shape == (2, 3, 3)
    found.save(tmp_path / "found.pkl")
    np.testing.assert_array_equal(
        Motion.load(tmp_path / "found.pkl").people[1].data[POINTS], found.people[1].data[POINTS]
    )


@pytest.mark.golden
def test_which_points_are_looked_for(tmp_path):
    joints = np.random.default_rng(0).normal(size=(24, 3))
    data = nlf_samples.write_data_files(tmp_path / "data.zip", joints, joints)
    np.testing.assert_array_equal(further_points("smpl", data), joints)
    np.save(tmp_path / "nose.npy", joints[:1])
    np.testing.assert_array_equal(further_points(str(tmp_path / "nose.npy"), None), joints[:1])
    assert further_points(None, data).shape == (0, 3)
    with pytest.raises(InputError, match="has no joint set 'coco'; it has smpl"):
        further_points("coco", data)
    with pytest.raises(
        InputError, match=r"`nlf_points` smpl is a joint set of nlf_data_files\.zip, which is not there"
    ):
        further_points("smpl", None)
    for array, message in ((joints[None], r"must be points \(N, 3\) in metres"), (np.zeros((1025, 3)), "at most 1024")):
        np.save(tmp_path / "other.npy", array)
        with pytest.raises(InputError, match=message):
            further_points(str(tmp_path / "other.npy"), None)
    with pytest.raises(InputError, match=r"nowhere\.npy"):
        further_points(str(tmp_path / "nowhere.npy"), None)


def test_without_a_run_nothing_is_left_behind(motion, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        located(motion, tmp_path, Counting(9, KeyboardInterrupt()))
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_too_small_says_so_before_the_first_frame(motion, tmp_path, monkeypatch):
    def full(descriptor, start, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    network = Counting()
    with pytest.raises(OutputError, match=r"the disk is full: .*vertices-1\.npy could not be written; free some space"):
        located(motion, tmp_path, network)
    assert not network.seen
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_meanwhile_is_no_bus_error(tmp_path, monkeypatch):
    """Where the disk cannot be asked for at once."""
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    file = RowFile(tmp_path / "a.npy", (4, 3), np.float32)
    file.put(2, np.ones(3))

    class Full:
        closed = False

        def __init__(self, real) -> None:
            self.real = real

        def seek(self, place):
            return self.real.seek(place)

        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    real, file._file = file._file, Full(file._file)
    with pytest.raises(OutputError, match="the disk is full"):
        file.put(3, np.ones(3))
    file._file = real
    np.testing.assert_array_equal(file.get()[2], 1)
    file.leave(forget=True)
    assert not list(tmp_path.iterdir())


def test_rows_in_any_order_make_the_array(tmp_path):
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=(9, 4, 3)).astype(np.float32)
    file = RowFile(tmp_path / "a.npy", wanted.shape, np.float32)
    for row in rng.permutation(9):
        file.put(int(row), wanted[row])
    assert RowFile.resumable(tmp_path / "a.npy", wanted.shape, np.float32)
    assert not RowFile.resumable(tmp_path / "a.npy", (9, 4, 2), np.float32)
    assert not RowFile.resumable(tmp_path / "a.npy", wanted.shape, np.float64)
    file.finish()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), wanted)
    assert not list(tmp_path.glob(f"*{row_file.PART}"))
