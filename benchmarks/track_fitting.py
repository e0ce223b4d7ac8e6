"""Kinema's fit of a body to mesh points against the numpy path of smplfitter: ms a frame, ratio, errors.

    python benchmarks/track_fitting.py [--frames 72]

Needs `pip install smplfitter==0.6.0`; without it the benchmark says so and ends. Both fit one shape to every seventh
vertex and the joints of the free body, three rounds, with weights, by turns on one clock.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable

import numpy as np

from kinema.body import BodyModel, load_body
from kinema.body.mesh_fitting import MeshFitOptions, fit_mesh
from kinema.body.writing import write_layout


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _error(body: BodyModel, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray, truth: np.ndarray) -> float:
    return 1e3 * float(np.linalg.norm(body.vertices(pose, betas, transl) - truth, axis=-1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=72)
    frames = parser.parse_args().frames
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

    times = np.array([(_timed(theirs), _timed(ours)) for _ in range(5)])[1:].min(axis=0)
    for name, seconds in zip(("smplfitter", "kinema"), times, strict=True):
        print(
            f"{name:12s} {1e3 * seconds / frames:8.2f} ms a frame  {_error(body, *found[name], mesh):6.2f} mm a vertex"
        )
    print(f"ratio        {times[0] / times[1]:8.1f}")


if __name__ == "__main__":
    main()
