"""Kinema's fit of a body to mesh points: ms a frame and errors of its steps, of the whole track step, of smplfitter.

    python benchmarks/track_fitting.py [--frames 72]

First the closed form with 0 to 3 steps of least squares after it, on exact points of a walk and with 20 mm of noise on
each coordinate; then the track step, and what the robust filter and the run's filter take off exact movement. With `pip
install smplfitter==0.6.0` at last its numpy path against the closed form, both fitting one shape to every seventh
vertex and the joints of the free body, three rounds, with weights, by turns on one clock.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.timing import wall_seconds

from kinema.body import BodyModel, load_body
from kinema.body.mesh_fitting import MeshFitOptions, fit_mesh
from kinema.body.writing import write_layout
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement import filter_motion
from kinema.refinement.options import TrackFitOptions
from kinema.refinement.stage import fit_tracks
from kinema.refinement.track_fitting import RIDGE
from kinema.refinement.track_points import spread_out
from kinema.synthetic import procedural_motion


def _error(body: BodyModel, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray, truth: np.ndarray) -> float:
    return 1e3 * float(np.linalg.norm(body.vertices(pose, betas, transl) - truth, axis=-1).mean())


def steps(frames: int) -> None:
    """Closed form and polish: ms a frame, and mm of a vertex without and with noise."""
    body, rows = load_body(), spread_out(load_body())
    person = procedural_motion(body, "rounds", fps=30).people[0].select(np.arange(frames))
    betas, rng = np.tile(np.random.default_rng(0).normal(size=10), (frames, 1)), np.random.default_rng(1)
    mesh = body.vertices(person.pose, betas, person.transl, dtype=np.float64)
    joints = body.joints(person.pose, betas, person.transl)
    for polish in range(4):
        options = MeshFitOptions(
            rounds=2, beta_ridge=RIDGE, first_beta_ridge=RIDGE, one_shape=True, adjust=not polish, polish=polish
        )
        errors, seconds = [], 0.0
        for noise in (0.0, 0.02):
            seen = [each + rng.normal(size=each.shape) * noise for each in (mesh[:, rows], joints)]
            start = time.perf_counter()
            fit = fit_mesh(body, *seen, subset=rows, options=options)
            seconds = time.perf_counter() - start
            errors.append(_error(body, fit.pose, fit.betas, fit.transl, mesh))
        print(
            f"closed form, {polish} steps of least squares: {1e3 * seconds / frames:6.1f} ms a frame, "
            f"{errors[0]:.3f} mm a vertex, {errors[1]:.1f} with 20 mm of noise"
        )


def track_step(frames: int) -> None:
    """The stage on exact poses: what the filters take off the movement."""
    body = load_body()
    for script in ("demo", "rounds"):
        whole = procedural_motion(body, script, fps=30)
        person = whole.people[0].select(np.arange(frames))
        motion = whole.replace(times=whole.times[:frames], people=(person,))

        def lost(found: Motion, person: Person = person) -> float:
            return 1e3 * float(np.linalg.norm(found.people[0].joints - person.joints, axis=-1).mean())

        plain = TrackFitOptions(smooth=False)
        rows = [
            ("as it is", plain),
            ("robust filter", TrackFitOptions()),
            ("as the original", TrackFitOptions(parity=True)),
        ]
        for name, options in rows:
            start = time.perf_counter()
            found = fit_tracks(motion, body, options)
            seconds = time.perf_counter() - start
            print(
                f"track fit of {script}, {name:16s} {1e3 * seconds / frames:6.1f} ms a frame, {lost(found):5.2f} mm off"
            )
        print(f"the run's filter on {script:12s} {'':25s} {lost(filter_motion(motion, body)):5.2f} mm off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=72)
    frames = parser.parse_args().frames
    steps(frames)
    track_step(frames)
    if importlib.util.find_spec("smplfitter") is None:
        print("skipped: smplfitter is not installed; pip install smplfitter==0.6.0")
        return
    import smplfitter.np as peer

    body, rng = load_body(), np.random.default_rng(0)
    pose, betas, transl = rng.normal(0, 0.25, (frames, 72)), rng.normal(0, 1, 10), rng.normal(0, 1, (frames, 3))
    pose[:, 30:36] = 0
    mesh, joints = body.vertices(pose, betas, transl), body.joints(pose, betas, transl).astype(np.float32)
    subset = np.arange(0, body.num_vertices, 7)
    noisy = (mesh[:, subset] + rng.normal(0, 0.01, (frames, len(subset), 3))).astype(np.float32)
    weights = [rng.uniform(0.5, 2, each.shape[:2]).astype(np.float32) for each in (noisy, joints)]
    with tempfile.TemporaryDirectory() as folder:
        where = str(write_layout(body, "smplfitter", folder)[0].parent)
        fitter = peer.BodyFitter(peer.BodyModel("smpl", "neutral", model_root=where, vertex_subset=subset))
    found = {}

    def theirs() -> None:
        asked = {"num_iter": 3, "share_beta": True, "requested_keys": ("pose_rotvecs", "shape_betas", "trans")}
        fit = fitter.fit(noisy, joints, *weights, **asked)
        found["smplfitter"] = [np.asarray(fit[key]) for key in ("pose_rotvecs", "shape_betas", "trans")]

    def ours() -> None:
        more = {"vertex_weights": weights[0], "joint_weights": weights[1], "options": MeshFitOptions(one_shape=True)}
        fit = fit_mesh(body, noisy, joints, subset=subset, **more)
        found["kinema"] = [fit.pose, fit.betas, fit.transl]

    times = np.array([(wall_seconds(theirs), wall_seconds(ours)) for _ in range(5)])[1:].min(axis=0)
    for name, seconds in zip(("smplfitter", "kinema"), times, strict=True):
        print(
            f"{name:12s} {1e3 * seconds / frames:8.2f} ms a frame  {_error(body, *found[name], mesh):6.2f} mm a vertex"
        )
    print(f"ratio        {times[0] / times[1]:8.1f}")


if __name__ == "__main__":
    main()
