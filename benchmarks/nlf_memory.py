"""Memory of NLF's stage and of the exports of its surfaces: does it grow with the clip?

    python benchmarks/nlf_memory.py [--frames 400 1600] [--people 2] [--thin 1] [--folder DIR]
    python benchmarks/nlf_memory.py --frames 27000 108000 --people 1 --thin 9      # a quarter of an hour, and an hour

With random points in the network's place, for the free body, of whose vertices every --thin'th is kept: an hour of all
of them are 12 GB of files for each person. Prints, for each length: the files' size, and by how much the process's own
memory (RssAnon, what the system could not take back) rises above its start at most, while surfaces are located, and
while they are exported as arrays, as PLY meshes and as GLB. Linux.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from kinema.body import load_body
from kinema.estimation.nlf_people import locate_people
from kinema.estimation.nlf_points import CanonicalPoints
from kinema.formats import save_motion
from kinema.geometry.camera import camera_from_fov
from kinema.models.nlf.options import NlfOptions
from kinema.motion import Motion
from kinema.person import Person
from kinema.stage import Context

SIZE = (640, 480)


class Guesses:
    """In the network's place: the same points for everybody."""

    def __init__(self, count: int) -> None:
        self.points = np.random.default_rng(0).normal(size=(count, 3)) + [0, 0, 4]

    def cropped(self, image, boxes, lens, settings):
        return [None] * len(boxes)

    def located(self, people):
        return np.repeat(self.points[None], len(people), axis=0), np.full((len(people), len(self.points)), 0.02)


def own_memory() -> float:
    """MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def rise(work: Callable[[], object]) -> float:
    """MB by which memory rises at most while `work` runs, looked at every 5 ms."""
    start, seen, over = own_memory(), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            seen.append(own_memory() - start)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    over.set()
    watcher.join()
    return max(seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[400, 1600])
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--thin", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the files go meanwhile")
    args = parser.parse_args()
    body = load_body()
    kept_vertices = np.arange(0, body.num_vertices, args.thin)
    canonical = CanonicalPoints(body.v_template[kept_vertices], body.J_template)
    network = Guesses(len(canonical.all))
    for frames in args.frames:
        boxes = np.tile([100.0, 100, 300, 400], (frames, 1))
        people = tuple(Person(i + 1, np.arange(frames), boxes=boxes) for i in range(args.people))
        motion = Motion(np.arange(frames) / 30, *SIZE, people=people, camera=camera_from_fov(*SIZE))
        image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        video = (SimpleNamespace(index=i, image=image) for i in range(frames))
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            kept: list[Motion] = []

            def locate(folder=folder, motion=motion, video=video, kept=kept) -> None:
                context = Context(body, video, folder=Path(folder))
                kept.append(locate_people(motion, context, body, canonical, network, NlfOptions()))

            rises = [rise(locate)]
            for name, suffix in (("mesh-npz", ".npz"), ("ply", ".zip"), ("glb", ".glb")):
                target = Path(folder) / f"out{suffix}"

                def export(target=target, name=name, kept=kept) -> None:
                    save_motion(kept[0], target, format=name)

                rises.append(rise(export))
                target.unlink()
            size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
        print(
            f"{frames} frames of {args.people} people, {size:.0f} MB of files: memory rises by {rises[0]:.0f} MB while"
            f" they are located, {rises[1]:.0f} MB while exported as arrays, {rises[2]:.0f} MB as PLY,"
            f" {rises[3]:.0f} MB as GLB",
            flush=True,
        )


if __name__ == "__main__":
    main()
