"""The estimator `nlf`: the fit to known points, the stages with the truth in the network's place, bad input."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError, UsageError, WeightsError
from kinema.estimation.nlf_choosing import plausible_people
from kinema.estimation.nlf_people import locate_people
from kinema.estimation.nlf_points import CanonicalPoints, canonical_points
from kinema.geometry.camera import project
from kinema.metrics import mpjpe
from kinema.models.nlf.options import NlfOptions
from kinema.models.nlf.release import weights_file
from kinema.motion import Motion
from kinema.person import LOCATED, Person
from kinema.pipeline import RunOptions
from kinema.pipeline.stages import chain
from kinema.refinement.options import TrackFitOptions
from kinema.refinement.stage import fit_tracks
from kinema.stage import Context
from kinema.synthetic import procedural_motion, studio_camera
from tests.helpers import nlf_samples
from tests.helpers.black_frames import BlackFrames
from tests.helpers.goldens import outside

SIZE = (640, 480)
FRAMES = 24


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.fixture(scope="module")
def truth(body) -> Motion:
    """Someone who walks, of a shape that is not the mean, in front of a camera."""
    whole = procedural_motion(body, "rounds", fps=10, camera=studio_camera(*SIZE))
    rows = np.arange(FRAMES)
    (person,) = (person.select(rows) for person in whole)
    betas = np.tile(np.random.default_rng(0).normal(size=10), (FRAMES, 1))
    joints = body.joints(person.pose, betas, person.transl)
    pixels = project(body.vertices(person.pose, betas, person.transl), whole.camera.intrinsics)
    boxes = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    person = person.replace(betas=betas, joints=joints, boxes=boxes)
    return whole.replace(times=whole.times[rows], people=(person,))


def tracked(truth: Motion) -> Motion:
    """What the stage is given: boxes and a camera."""
    people = tuple(Person(id=each.id, frames=each.frames, boxes=each.boxes) for each in truth)
    return Motion(truth.times, *SIZE, people=people, camera=truth.camera.replace(rotation=None, translation=None))


class Oracle:
    """In the network's place: the true points of the people whose boxes it is given."""

    def __init__(self, points: dict[tuple[float, ...], np.ndarray], noise: float = 0.0) -> None:
        self.points, self.noise = points, noise
        self.rng = np.random.default_rng(1)
        self.sizes: list[int] = []

    def cropped(self, image, boxes, lens, settings):
        return [self.points[tuple(np.round(box, 3))] for box in boxes]

    def located(self, people):
        self.sizes.append(len(people))
        found = np.stack(people)
        spread = np.abs(self.rng.normal(size=found.shape[:2])) * self.noise + 0.01
        return found + self.rng.normal(size=found.shape) * self.noise, spread


def oracle(body, truth: Motion, noise: float = 0.0) -> Oracle:
    points = {}
    for person in truth:
        surface = body.vertices(person.pose, person.betas, person.transl, dtype=np.float64)
        corners = person.boxes
        boxes = np.round(np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1), 3)
        whole = np.concatenate([surface, person.joints], axis=1)
        points |= dict(zip(map(tuple, boxes), whole, strict=True))
    return Oracle(points, noise)


def canonical(body) -> CanonicalPoints:
    return CanonicalPoints(body.v_template, body.J_template)


def vertex_error(body, person, true) -> np.ndarray:
    """(F,) metres."""
    found = body.vertices(person.pose, person.betas, person.transl)
    expected = body.vertices(true.pose, true.betas, true.transl)
    return np.linalg.norm(found - expected, axis=-1).mean(axis=1)


@pytest.mark.parametrize(("smooth", "lost"), [(False, 0.0002), (True, 0.002)])
def test_after_the_network_hardly_anything_is_lost(body, truth, tmp_path, smooth, lost):
    """The truth in the network's place: vertices and joints of the result are off by less than 0.2 mm in every frame,
    and by less than 2 where the robust filter has smoothed a walk of ten frames a second."""
    network = oracle(body, truth)
    context = Context(body=body, video=BlackFrames(FRAMES, SIZE), folder=tmp_path / "kept")
    options = NlfOptions(internal_batch_size=7)
    located = locate_people(tracked(truth), context, body, canonical(body), network, options)
    assert network.sizes == [7, 7, 7, 3]
    (person,), (true,) = located.people, truth.people
    np.testing.assert_allclose(person.joints, true.joints, atol=1e-9)
    surface = person.vertices.open()
    assert isinstance(surface, np.memmap)
    assert person.vertices.path.parent == tmp_path / "kept"
    np.testing.assert_allclose(surface, body.vertices(true.pose, true.betas, true.transl), atol=1e-5)
    np.testing.assert_allclose(person.vertex_uncertainty.open(), 0.01, atol=1e-8)
    fitted = fit_tracks(located, body, TrackFitOptions(smooth=smooth)).people[0]
    assert vertex_error(body, fitted, true).max() < lost
    assert mpjpe(fitted.joints, true.joints).max() < lost
    np.testing.assert_array_equal(fitted.data[LOCATED], person.joints)


def test_noise_is_averaged_over_the_surface(body, truth):
    """With 20 mm of noise on every point of every frame, the body's surface is off by less than a third of it."""
    network = oracle(body, truth, noise=0.02)
    context = Context(body=body, video=BlackFrames(FRAMES, SIZE))
    located = locate_people(tracked(truth), context, body, canonical(body), network, NlfOptions())
    fitted = fit_tracks(located, body, TrackFitOptions(smooth=False, rescale=False)).people[0]
    assert vertex_error(body, fitted, truth.people[0]).max() < 0.0067


def test_people_without_boxes_and_nobody(body, truth):
    """They are left as they are."""
    context = Context(body=body, video=BlackFrames(FRAMES, SIZE))
    network = oracle(body, truth)
    motion = tracked(truth)
    bare = motion.replace(people=(Person(id=5, frames=np.arange(3)),))
    found = locate_people(bare, context, body, canonical(body), network, NlfOptions())
    assert found.people[0].vertices is None
    assert fit_tracks(found, body).people[0].pose is None
    nobody = locate_people(motion.replace(people=()), context, body, canonical(body), network, NlfOptions())
    assert not nobody.people
    assert network.sizes == []


def test_implausible_poses_are_left_out(body, truth, tmp_path):
    """A person who is tracked twice stays once; a frame without anything sure is left out; without any, the person."""
    motion = tracked(truth)
    (person,) = motion.people
    network = oracle(body, truth)
    twin = person.replace(id=2, confidence=np.full(FRAMES, 0.4))
    motion = motion.replace(people=(person.replace(confidence=np.full(FRAMES, 0.9)), twin))
    context = Context(body=body, video=BlackFrames(FRAMES, SIZE), folder=tmp_path)
    located = locate_people(motion, context, body, canonical(body), network, NlfOptions())
    spread = np.load(located.people[0].vertex_uncertainty.path)
    spread[5:8] = 0.5
    np.save(located.people[0].vertex_uncertainty.path, spread)
    found, dropped = plausible_people(located)
    assert [each.id for each in found] == [1, 2]
    np.testing.assert_array_equal(found.people[1].frames, [5, 6, 7])
    assert dropped == FRAMES
    np.testing.assert_array_equal(found.people[0].frames, np.delete(np.arange(FRAMES), [5, 6, 7]))
    surface = np.load(located.people[0].vertices.path)
    np.testing.assert_array_equal(found.people[0].vertices.open(), np.delete(surface, [5, 6, 7], axis=0))
    alone, _ = plausible_people(located.replace(people=located.people[:1]))
    shifted = [each.replace(boxes=each.boxes + 5000) for each in alone]
    assert not plausible_people(alone.replace(people=tuple(shifted)))[0].people


def test_a_video_that_ends_early(body, truth, tmp_path):
    """Nothing is left behind."""
    context = Context(body=body, video=BlackFrames(FRAMES - 2, SIZE), folder=tmp_path)
    with pytest.raises(InputError, match="the video ended 2 frames before the tracks did"):
        locate_people(tracked(truth), context, body, canonical(body), oracle(body, truth), NlfOptions())
    assert not list(tmp_path.iterdir())


def test_canonical_points_without_the_releases_file(body):
    found = canonical_points(body, None)
    np.testing.assert_array_equal(found.vertices, body.v_template)
    assert found.all.shape == (body.num_vertices + 24, 3)
    assert "nlf_data" in found.notes[0]


@pytest.mark.golden
def test_canonical_points_of_the_release(body, truth, tmp_path):
    """The free body is put into the pose of the release's joints: within a centimetre of them on average."""
    person = truth.people[0].select(np.arange(1))
    vertices = body.vertices(person.pose, person.betas, person.transl, dtype=np.float64)[0]
    origin = person.joints[0, 0]
    path = nlf_samples.write_data_files(
        tmp_path / "nlf_data_files.zip", vertices[:100] - origin, person.joints[0] - origin
    )
    found = canonical_points(body, path)
    assert np.linalg.norm(found.joints - (person.joints[0] - origin), axis=-1).mean() < 0.01
    assert not found.notes
    smpl = SimpleNamespace(name="SMPL_NEUTRAL.pkl", num_vertices=100)
    np.testing.assert_array_equal(canonical_points(smpl, path).vertices, vertices[:100] - origin)
    with pytest.raises(InputError, match=r"has 100 vertices of SMPL, the body SMPL_NEUTRAL\.pkl 99"):
        canonical_points(SimpleNamespace(name="SMPL_NEUTRAL.pkl", num_vertices=99), path)
    nlf_samples.write_data_files(path, vertices[:100], person.joints[0, :20])
    with pytest.raises(InputError, match="has 20 joints, SMPL has 24"):
        canonical_points(body, path)


def test_missing_weights_say_what_to_get(tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"NLF's weights are missing: download .* `kinema weights add nlf-l FILE`"):
        weights_file()
    with pytest.raises(WeightsError, match=r"nowhere\.pt is not a file; give weights of NLF"):
        weights_file(str(tmp_path / "nowhere.pt"))


@pytest.mark.golden
@pytest.mark.real
@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_real_clip_of_two_people_from_file_to_render(tmp_path, capsys, monkeypatch):
    """200 frames with seeded weights, of a backbone as narrow as it can be and for a body of few points, so what is
    found is no person: files, notes and the overlay are there, nobody's frames are lost, and a second run reuses
    everything."""
    pytest.importorskip("torch")
    import av

    from kinema.__main__ import main

    clip = outside("KINEMA_DATA", "../shared/data") / "videos" / "basketball_two_people_static.mp4"
    if not clip.is_file():
        pytest.skip(f"{clip} is not there")
    tensors = nlf_samples.narrow_network(monkeypatch)
    weights = nlf_samples.write_program(tmp_path / "nlf_multi.torchscript", tensors=tensors)
    command = [
        "run", str(clip), "--estimator", "nlf", "--nlf", str(weights), "--time-range", "0-6.65",
        "--out", str(tmp_path / "out"), "--threads", "1", "--quiet",
        "--body-model", str(nlf_samples.write_small_body(tmp_path / "small.npz")),
    ]  # fmt: skip
    assert main(command) == 0
    folder = next((tmp_path / "out").glob("*/run.json")).parent
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "done"
    assert any("its weights are used in Kinema's own network" in note for note in record["warnings"])
    assert any("canonical body is taken to be" in note for note in record["warnings"])
    assert [name for name in record["seconds"] if name in ("localize", "fit-tracks", "filter")] == [
        "localize", "fit-tracks"
    ]  # fmt: skip
    motion = Motion.load(folder / "smpl_output.pkl")
    assert motion.num_frames == 200
    assert len(motion.people) == 2
    for person in motion:
        surface = person.vertices.open()
        assert surface.shape == (len(person), 766, 3)
        assert np.isfinite(surface).all()
        assert person.vertex_uncertainty.open().shape == surface.shape[:2]
        assert person.data[LOCATED].shape == person.joints.shape
        assert np.ptp(person.betas, axis=0).max() == 0
    with av.open(str(folder / "overlay.mp4")) as overlay:
        assert sum(1 for _ in overlay.decode(video=0)) == 200
    capsys.readouterr()
    assert main(command) == 0
    assert len(list((tmp_path / "out").glob("*/run.json"))) == 1


@pytest.mark.torch
def test_files_are_missed_before_any_work_is_done(tmp_path):
    torch = pytest.importorskip("torch")
    options = RunOptions.of(estimator="nlf", nlf=tmp_path / "nlf.pt")
    with pytest.raises(WeightsError, match=r"nlf\.pt is not a file; give weights of NLF"):
        chain(options)
    (tmp_path / "nlf.pt").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"data\.zip is not a file; give nlf_data_files\.zip"):
        chain(RunOptions.of(estimator="nlf", nlf=tmp_path / "nlf.pt", nlf_data=tmp_path / "data.zip"))
    torch.save({"some": torch.ones(20)}, tmp_path / "nlf.pt")
    with pytest.raises(InputError, match=r"nlf\.pt lacks the canonical body's volume, .* name it with `nlf_data`"):
        chain(RunOptions.of(estimator="nlf", nlf=tmp_path / "nlf.pt"))
    (tmp_path / "cut.pt").write_bytes((tmp_path / "nlf.pt").read_bytes()[:-30])
    with pytest.raises(InputError, match=r"cut\.pt is corrupt or cut off; get a fresh copy"):
        chain(RunOptions.of(estimator="nlf", nlf=tmp_path / "cut.pt"))
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="leave `nlf_program` out"):
            chain(RunOptions.of(estimator="nlf", nlf=tmp_path / "nlf.pt", nlf_program=True))
    for name, value in (("num_aug", 0), ("antialias_factor", 9), ("internal_batch_size", 0)):
        with pytest.raises(UsageError, match=f"`{name}` must lie between 1 and"):
            RunOptions.of(**{name: value})
