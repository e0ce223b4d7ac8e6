"""Kinema's body layer against the `smplx` package on the same body, frames and threads: ms per frame, and the ratio.

    python benchmarks/body_layer.py [--frames 200]

Needs torch and smplx. Joints and points have no counterpart there: smplx always computes the vertices.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import smplx
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.timing import wall_seconds

from kinema.body import load_body
from kinema.body.writing import write_layout


def best(work: Callable[[], object], times: int = 5) -> float:
    work()
    return min(wall_seconds(work) for _ in range(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200)
    frames = parser.parse_args().frames
    body = load_body()
    rng = np.random.default_rng(0)
    pose, betas, transl = rng.normal(0, 0.3, (frames, 72)), rng.normal(0, 1, (frames, 10)), np.zeros((frames, 3))
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        write_layout(body, "smplx", folder)
        layer = smplx.create(folder, model_type="smpl", batch_size=frames)
    tensors = [torch.tensor(a, dtype=torch.float32) for a in (pose, betas, transl)]

    def peer() -> None:
        with torch.no_grad():
            layer(body_pose=tensors[0][:, 3:], global_orient=tensors[0][:, :3], betas=tensors[1], transl=tensors[2])

    theirs = best(peer)
    rows = {
        "vertices, a shape per frame": lambda: body.vertices(pose, betas, transl),
        "vertices, one shape": lambda: body.vertices(pose, betas[0], transl),
        "joints": lambda: body.joints(pose, betas[0], transl),
        "blazepose33 points": lambda: body.posed_points("blazepose33", pose, betas[0], transl),
    }
    print(f"{'smplx, vertices and joints':34s} {1e3 * theirs / frames:8.3f} ms per frame")
    for name, work in rows.items():
        ours = best(work)
        print(f"{name:34s} {1e3 * ours / frames:8.3f} ms per frame  {theirs / ours:7.1f} times as fast as smplx")


if __name__ == "__main__":
    main()
