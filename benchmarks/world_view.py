"""What views of the world cost: the filming camera drawn or not, a viewer who stands still or goes along.

    python benchmarks/world_view.py [--size 1280x720] [--repeat 5]

One walking free body, drawn every tenth frame, in CPU time of the process; best of `--repeat`.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from kinema.body import load_body
from kinema.motion import Motion
from kinema.synthetic import procedural_motion
from kinema.visualization.vantage import vantage
from kinema.visualization.views import CameraView
from kinema.visualization.world_view import WorldView


def far(motion: Motion, metres: float) -> Motion:
    """The motion on the move: everybody and the camera go so many metres to one side."""
    shift = np.zeros((motion.num_frames, 3))
    shift[:, 0] = np.linspace(0, metres, motion.num_frames)
    people = []
    for person in motion:
        transl, joints = person.require("transl_world", "joints_world")
        own = shift[person.frames]
        people.append(person.replace(transl_world=transl + own, joints_world=joints + own[:, None]))
    camera = motion.camera
    assert camera is not None
    rotation = np.broadcast_to(np.asarray(camera.rotation), (motion.num_frames, 3, 3))
    translation = np.asarray(camera.translation) - np.einsum("tij,tj->ti", rotation, shift)
    return motion.replace(people=tuple(people), camera=camera.replace(rotation=rotation, translation=translation))


def per_frame(view: CameraView | WorldView, frames: range, size: tuple[int, int], repeat: int) -> float:
    """Milliseconds of CPU time to draw a frame, posing left out."""
    blank = np.full((size[1], size[0], 3), 128, dtype=np.uint8)
    posed = {frame: view.prepare(frame) for frame in frames}
    best = np.inf
    for _ in range(repeat):
        start = time.process_time()
        for frame in frames:
            view.draw(frame, blank.copy(), posed[frame])
        best = min(best, time.process_time() - start)
    return 1e3 * best / len(frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    size, body = (width, height), load_body()
    near = procedural_motion(body, "rounds", fps=30)
    frames = range(0, near.num_frames, 10)
    rows = {"the camera's view, one body": per_frame(CameraView(near, body, size), frames, size, args.repeat)}
    for name, motion, view, camera in (
        ("world, still, without the filming camera", near, "world", False),
        ("world, still", near, "world", True),
        ("world, going along", far(near, 60.0), "world", True),
        ("follow", near, "follow", True),
    ):
        looks = vantage(motion, size, view, camera=camera)
        rows[name] = per_frame(WorldView(motion, body, size, looks, camera=camera), frames, size, args.repeat)
    base = next(iter(rows.values()))
    for name, cost in rows.items():
        print(f"{name:<44}{cost:6.1f} ms a frame   x{cost / base:.2f}")
    start = time.process_time()
    vantage(far(near, 60.0), size, "follow")
    print(
        f"finding where to look from: {1e3 * (time.process_time() - start) / near.num_frames:.2f} ms a frame (follow)"
    )


if __name__ == "__main__":
    main()
