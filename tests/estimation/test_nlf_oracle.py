"""The whole command on a rendered clip, with the truth in the place of NLF's network: what the chain loses."""

from __future__ import annotations

import hashlib
import json

import av
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import load_body
from kinema.formats import save_motion
from kinema.geometry.camera import project
from kinema.metrics import mpjpe, pa_mpjpe
from kinema.motion import Motion
from kinema.synthetic import procedural_motion, studio_camera
from kinema.synthetic.render import render_clip
from kinema.video import open_video

SIZE, FPS, FRAMES = (480, 360), 30, 45

LOST = 0.002
"""Metres that the chain after the network may lose: files, track fit, and everything between them."""

CLEANED = 0.01
"""Metres, on average: what contacts with the ground move joints by in the world, each frame laid over the truth."""


class Oracle:
    """Finds the true points of the rendered person in the frames of the clip, which it knows by sight."""

    device, sha256 = "cpu", ""

    def __init__(self, truth: Motion, clip) -> None:
        body, (person,) = load_body(), truth.people
        surface = body.vertices(person.pose, person.betas, person.transl, dtype=np.float64)
        self.points = np.concatenate([surface, body.joints(person.pose, person.betas, person.transl)], axis=1)
        with open_video(clip) as video:
            self.frames = {known(frame.image): frame.index for frame in video}
        self.camera = truth.camera

    def cropped(self, image, boxes, lens, settings):
        np.testing.assert_allclose(lens.intrinsics, self.camera.intrinsics, atol=1e-6)
        points = self.points[self.frames[known(image)]]
        pixels = project(points[-24:], self.camera.intrinsics)
        for x, y, w, h in boxes:  # the tracker's boxes are around the person
            assert (np.abs(pixels - [x + w / 2, y + h / 2]) < [w, h]).mean() > 0.8
        return [points] * len(boxes)

    def located(self, people):
        return np.stack(people), np.full((len(people), self.points.shape[1]), 0.02)


def known(image: np.ndarray) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.usefixtures("networks")
def test_the_chain_after_the_network_loses_less_than_two_millimetres(tmp_path, monkeypatch, capsys):
    """Video, tracker, files, track fit, world, render in one command, and export; the shape is not the mean."""
    pytest.importorskip("torch")
    body = load_body()
    betas = np.random.default_rng(3).normal(0, 0.7, 10)
    camera = studio_camera(*SIZE)
    whole = procedural_motion(body, "rounds", fps=FPS, betas=betas, camera=camera)
    truth = whole.slice(0.0, FRAMES / FPS)
    clip = render_clip(truth, body, tmp_path / "clip.mp4", seed=1)
    oracle = Oracle(truth, clip)
    monkeypatch.setattr("kinema.estimation.nlf_people.NlfEstimator", lambda *_, **__: oracle)
    for check in ("require_whole", "require_readable"):
        monkeypatch.setattr(f"kinema.models.nlf.reading.{check}", lambda path, data: None)
    (tmp_path / "nlf.torchscript").write_bytes(b"an oracle is in its place")
    command = [
        "run", str(clip), "--estimator", "nlf", "--nlf", str(tmp_path / "nlf.torchscript"), "--fov", "55",
        "--static-camera", "--shown-surface", "both", "--view", "side", "--threads", "1", "--quiet",
        "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main(command) == 0
    folder = next((tmp_path / "out").glob("*/run.json")).parent
    assert json.loads((folder / "run.json").read_text())["status"] == "done"

    (person,), (true,) = Motion.load(folder / "smpl_output.pkl").people, truth.people
    assert len(person) > 0.9 * truth.num_frames
    true = true.select(np.isin(true.frames, person.frames))
    found = body.vertices(person.pose, person.betas, person.transl)
    expected = body.vertices(true.pose, true.betas, true.transl)
    assert np.linalg.norm(found - expected, axis=-1).mean(axis=1).max() < LOST
    assert mpjpe(person.joints, true.joints).max() < LOST
    np.testing.assert_allclose(person.vertices.open(), oracle.points[person.frames, :-24], atol=1e-5)
    assert pa_mpjpe(person.joints_world, true.joints_world).mean() < CLEANED
    with av.open(str(folder / "overlay.mp4")) as overlay:
        assert sum(1 for _ in overlay.decode(video=0)) == truth.num_frames
    save_motion(Motion.load(folder / "smpl_output.pkl"), tmp_path / "s.npz", format="mesh-npz")
    with np.load(tmp_path / "s.npz") as file:
        assert file[f"person_{person.id}_vertices"].shape == (len(person), body.num_vertices, 3)
