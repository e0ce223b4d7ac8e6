"""NLF on clips of one frame and of nobody, and weights that are cut off or of something else: one sentence each."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError
from kinema.estimation.nlf_people import locate_people
from kinema.estimation.nlf_points import CanonicalPoints
from kinema.models.nlf.options import NlfOptions
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement.options import TrackFitOptions
from kinema.refinement.stage import fit_tracks
from kinema.stage import Context
from kinema.synthetic import procedural_motion, studio_camera
from tests.helpers import nlf_samples
from tests.helpers.black_frames import BlackFrames

SIZE = (3840, 2160)


@pytest.mark.parametrize("parity", [False, True])
def test_one_frame_of_a_4k_picture(tmp_path, parity):
    """The body is fitted to it as to many: within a millimetre, and in parity, which holds shapes at the average,
    within 15."""
    body = load_body()
    truth = procedural_motion(body, "rounds", fps=10, camera=studio_camera(*SIZE)).people[0].select(np.arange(1))
    points = np.concatenate(
        [body.vertices(truth.pose, truth.betas, truth.transl, dtype=np.float64), truth.joints], axis=1
    )
    network = SimpleNamespace(
        cropped=lambda image, boxes, lens, settings: list(boxes),
        located=lambda people: (points, np.full(points.shape[:2], 0.02)),
    )
    person = Person(1, np.arange(1), boxes=np.array([[0.0, 0, *SIZE]]))
    motion = Motion(np.zeros(1), *SIZE, people=(person,))
    context = Context(body=body, video=BlackFrames(1, SIZE), folder=tmp_path)
    canonical = CanonicalPoints(body.v_template, body.J_template)
    located = locate_people(motion, context, body, canonical, network, NlfOptions(fov=55.0))
    (found,) = fit_tracks(located, body, TrackFitOptions(parity=parity)).people
    assert np.linalg.norm(found.joints - truth.joints, axis=-1).max() < (0.015 if parity else 0.001)


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nobody_and_no_smpl(tmp_path, monkeypatch):
    """Nobody gives nobody; without SMPL's file the free body stands in, and a note, which a run keeps, says so."""
    pytest.importorskip("torch")
    from kinema.estimation.nlf_people import localize

    weights = nlf_samples.write_program(tmp_path / "nlf.torchscript", tensors=nlf_samples.narrow_network(monkeypatch))
    context = Context(body=load_body(), video=BlackFrames(2, SIZE), folder=tmp_path / "arrays")
    options = NlfOptions(weights=str(weights), device="cpu", threads=1)
    found = localize(Motion(np.arange(2) / 10, *SIZE), context, options)
    assert not found.people
    assert found.body_model == "free"
    (note,) = [each for each in context.notes if "stands in" in each]
    assert note.startswith(
        "the free body stands in for SMPL: NLF was asked for the points of its surface; give an SMPL"
    )
    assert not list((tmp_path / "arrays").glob("*"))


@pytest.mark.golden
@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.usefixtures("networks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_video_of_nobody_ends_before_the_network_is_read(tmp_path, monkeypatch, capsys):
    from kinema.__main__ import main
    from kinema.video import VideoWriter

    weights = nlf_samples.write_program(tmp_path / "nlf.torchscript", tensors=nlf_samples.narrow_network(monkeypatch))
    with VideoWriter(tmp_path / "empty.mp4", 160, 120) as writer:
        for number in range(5):
            writer.write(np.full((120, 160, 3), 90, np.uint8), number / 10)
    command = ["run", str(tmp_path / "empty.mp4"), "--estimator", "nlf", "--nlf", str(weights), "--threads", "1"]
    assert main([*command, "--out", str(tmp_path / "out"), "--quiet"]) == 3
    error = capsys.readouterr().err.strip()
    assert "nobody" in error or "no people" in error or "no person" in error
    assert "\n" not in error


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".torchscript", ".pt"])
def test_weights_that_are_cut_off(tmp_path, monkeypatch, suffix, keep):
    torch = pytest.importorskip("torch")
    from kinema.models.nlf.torch_run import NlfEstimator

    tensors = nlf_samples.narrow_network(monkeypatch)
    path = tmp_path / f"nlf{suffix}"
    if suffix == ".pt":
        torch.save(tensors, path)
    else:
        nlf_samples.write_program(path, tensors=tensors)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(InputError) as error:
        NlfEstimator(path, np.zeros((5, 3)), device="cpu", threads=1)
    assert "\n" not in str(error.value)
    assert path.name in str(error.value)


def test_everybody_left_out_is_not_nobody_found(tmp_path):
    """The error says why, the last reason of several, and how they would stay."""
    from kinema.pipeline import RunOptions
    from kinema.pipeline.running import _nobody
    from kinema.pipeline.stages import ChainResult

    motion = Motion(np.zeros(1), *SIZE)
    result = ChainResult(motion, warnings=["left out, because of this", "something", "left out, because of that"])
    job = SimpleNamespace(video=SimpleNamespace(path="clip.mp4"))
    said = _nobody(job, RunOptions.of(), result)
    assert said.startswith("nobody was found in clip.mp4, and a track was left out, because of that; use a clip")
