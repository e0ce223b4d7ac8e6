"""Speed of rendering a body: Kinema's rasteriser against Embree used directly and against trimesh.ray.

    python benchmarks/rendering.py [CLIP ...] [--height 900] [--repeat 20] [--against 883786c^]

One free body, `--height` pixels tall in a 1920x1080 image, on one core. All three compute the same result
(the visible face at each pixel of the body's box), then Kinema's whole renderer with lighting and antialiased
silhouettes is timed: all in CPU time of the process, so that other load on the machine has little effect. The
overlay of a short clip, with one and with two drawing threads, is timed in wall-clock time. Best of `--repeat`.

--against COMMIT (of this repository) draws the overlay of the same clip with that commit's code, in alternation with
this one's, each in a process of its own, and nothing else: CPU and wall-clock time per frame, decoding and encoding
included, and the median of the ratios. 883786c^ is the overlay before anything was done for its speed.

The first two seconds of every CLIP are encoded as the overlay is and as other videos are, alternately: CPU time, size
and PSNR against what was encoded.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kinema.body import load_body
from kinema.geometry.camera import camera_from_fov, project, unproject
from kinema.geometry.meshes import corners_of, front_facing
from kinema.synthetic import procedural_motion, render_clip
from kinema.video import VideoWriter, open_video
from kinema.visualization import Mesh, MeshRenderer, overlay, write_overlay
from kinema.visualization.raster import bounding_box, visible

WIDTH, HEIGHT = 1920, 1080


def best(function: Callable[[], Any], repeat: int, clock: Callable[[], float] = time.process_time) -> tuple[float, Any]:
    """Shortest time of a call in milliseconds, and its result."""
    shortest, result = np.inf, None
    for _ in range(repeat):
        start = clock()
        result = function()
        shortest = min(shortest, clock() - start)
    return 1e3 * shortest, result


def scene(pixels_tall: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (V,3) in the camera's frame, faces (N,3), intrinsics (3,3)."""
    body = load_body()
    camera = camera_from_fov(WIDTH, HEIGHT)
    person = procedural_motion(body, "on-the-spot", fps=2).people[0]
    pose, betas = person.require("pose", "betas")
    vertices = body.vertices(pose[3:4], betas[3:4], np.zeros((1, 3)))[0].astype(np.float64)
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    vertices -= middle
    vertices[:, 2] += camera.intrinsics[1, 1] * np.ptp(vertices[:, 1]) / pixels_tall
    return vertices, body.faces, camera.intrinsics


def compare(vertices: np.ndarray, faces: np.ndarray, intrinsics: np.ndarray, repeat: int) -> None:
    import trimesh
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh
    from trimesh.ray.ray_pyembree import RayMeshIntersector

    box = bounding_box(corners_of(project(vertices, intrinsics), faces), WIDTH, HEIGHT)
    assert box is not None
    u, v = np.meshgrid(np.arange(box.left, box.right), np.arange(box.top, box.bottom))
    rays = np.concatenate([unproject(np.stack([u, v], -1), intrinsics), np.ones((*u.shape, 1))], -1).reshape(-1, 3)
    rays = rays.astype(np.float32)
    origins, vertices32, faces32 = np.zeros_like(rays), vertices.astype(np.float32), faces.astype(np.int32)

    def raster() -> np.ndarray:
        corners = corners_of(project(vertices, intrinsics), faces)
        front = np.flatnonzero(front_facing(corners))
        number = np.tile(front.astype(float), (3, 1))
        nearness, owner = visible(corners[..., front], 1 / vertices[:, 2][faces[front].T], box, [number])
        return np.where(nearness > 0, np.rint(owner), -1).astype(int).ravel()

    def embree() -> np.ndarray:
        traced = rtcore_scene.EmbreeScene()
        TriangleMesh(traced, vertices32, faces32)
        return traced.run(origins, rays)

    def trimesh_ray() -> np.ndarray:
        mesh = trimesh.Trimesh(vertices, faces, process=False)
        return RayMeshIntersector(mesh).intersects_first(origins, rays)

    def trimesh_locations() -> tuple[np.ndarray, ...]:
        mesh = trimesh.Trimesh(vertices, faces, process=False)
        return RayMeshIntersector(mesh).intersects_id(origins, rays, multiple_hits=False, return_locations=True)

    ours, found = best(raster, repeat)
    traced, reference = best(embree, repeat)
    wrapped, _ = best(trimesh_ray, max(repeat // 3, 1))
    located, _ = best(trimesh_locations, max(repeat // 3, 1))
    print(f"box {box.width}x{box.height} px, {len(faces)} faces, {np.sum(found >= 0)} pixels covered")
    print(f"  visible faces:        rasteriser {ours:6.1f} ms")
    print(f"                        Embree     {traced:6.1f} ms   x{traced / ours:.1f}")
    print(f"                        trimesh    {wrapped:6.1f} ms   x{wrapped / ours:.1f}")
    print(f"                        + depths   {located:6.1f} ms   x{located / ours:.1f}")
    print(f"  same face as Embree at {np.mean(found == reference):.2%} of the pixels")
    renderer, mesh = MeshRenderer(WIDTH, HEIGHT), Mesh(vertices, faces, (0.9, 0.6, 0.1))
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    drawn, rendering = best(lambda: renderer.render([mesh], intrinsics), repeat)
    laid, _ = best(lambda: rendering.over(image, 0.7), repeat)
    print(f"  full rendering with lighting {drawn:.1f} ms, compositing over a 1080p frame {laid:.1f} ms")


def compare_workers(repeat: int) -> None:
    body = load_body()
    motion = procedural_motion(body, "demo", fps=15)
    keep = np.arange(60)
    motion = motion.replace(times=motion.times[keep], people=tuple(p.select(keep) for p in motion))
    with tempfile.TemporaryDirectory() as folder:
        clip = render_clip(motion, body, Path(folder) / "clip.mp4", size=(1920, 1080))
        per_frame = {}
        for workers in (1, 2):
            overlay._WORKERS = workers
            out = Path(folder) / "overlay.mp4"
            task = partial(write_overlay, motion, body, open_video(clip), out)
            total, report = best(task, max(repeat // 7, 2), time.perf_counter)
            if report.path is None:
                raise SystemExit(report.warnings[-1])
            per_frame[workers] = total / len(keep)
    print(
        f"overlay at 1080p, decoding and encoding included: {per_frame[1]:.1f} ms per frame with one drawing thread,"
        f" {per_frame[2]:.1f} ms with two (x{per_frame[1] / per_frame[2]:.2f})"
    )


DRAW = """
import sys, time
from kinema.body import load_body
from kinema.synthetic import procedural_motion
from kinema.video import open_video
from kinema.visualization import write_overlay
import numpy as np
body = load_body()
motion = procedural_motion(body, "demo", fps=15)
keep = np.arange(int(sys.argv[3]))
motion = motion.replace(times=motion.times[keep], people=tuple(p.select(keep) for p in motion))
start = time.process_time(), time.perf_counter()
report = write_overlay(motion, body, open_video(sys.argv[1]), sys.argv[2])
print(time.process_time() - start[0], time.perf_counter() - start[1])
assert report.path is not None, report.warnings
"""


def compare_versions(commit: str, turns: int, frames: int = 60) -> None:
    here = Path(__file__).resolve().parent.parent
    body = load_body()
    motion = procedural_motion(body, "demo", fps=15)
    keep = np.arange(frames)
    motion = motion.replace(times=motion.times[keep], people=tuple(p.select(keep) for p in motion))
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "then.tar"
        subprocess.run(["git", "-C", str(here), "archive", "-o", str(archive), commit, "src"], check=True)
        shutil.unpack_archive(archive, Path(folder) / "then", filter="data")
        sources = {"then": Path(folder) / "then" / "src", "now": here / "src"}
        for size in ((1280, 720), (1920, 1080)):
            clip = render_clip(motion, body, Path(folder) / f"{size[1]}.mp4", size=size)
            taken: dict[str, list[list[float]]] = {"then": [], "now": []}
            for _ in range(turns):
                for name, source in sources.items():
                    command = [sys.executable, "-c", DRAW, str(clip), str(Path(folder) / "out.mp4"), str(frames)]
                    environment = {**os.environ, "PYTHONPATH": str(source)}
                    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                    taken[name].append([1e3 * float(seconds) / frames for seconds in done.stdout.split()[-2:]])
            for column, clock in enumerate(("CPU time", "wall-clock time")):
                then, now = (np.array(taken[name])[:, column] for name in ("then", "now"))
                print(
                    f"overlay at {size[1]}p: {np.median(then):.1f} ms of {clock} per frame at {commit},"
                    f" {np.median(now):.1f} ms now: x{np.median(then / now):.2f} ({np.min(then / now):.2f} to"
                    f" {np.max(then / now):.2f}, {turns} turns)",
                    flush=True,
                )


def compare_encoding(clip: Path, repeat: int) -> None:
    video = open_video(clip, end=2.0)
    frames = list(video)
    taken, size, quality = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"

        def encode(fast: bool) -> None:
            with VideoWriter(out, video.width, video.height, fast=fast) as writer:
                for frame in frames:
                    writer.write(frame.image, frame.time)

        for _ in range(max(repeat // 7, 2)):
            for fast in (False, True):
                once, _ = best(partial(encode, fast), 1)
                taken[fast] = min(taken.get(fast, np.inf), once / len(frames))
                size[fast] = out.stat().st_size
                again = [frame.image for frame in open_video(out)]
                quality[fast] = np.mean([cv2.PSNR(a.image, b) for a, b in zip(frames, again, strict=True)])
    print(
        f"encoding {clip.name}: {taken[True]:.1f} ms per frame fast, {taken[False]:.1f} ms else"
        f" (x{taken[False] / taken[True]:.2f}); size x{size[True] / size[False]:.2f};"
        f" PSNR {quality[True]:.2f} and {quality[False]:.2f} dB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP")
    parser.add_argument("--height", type=int, default=900, help="pixels from the body's top to its bottom")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--against", metavar="COMMIT", help="compare the overlay with this commit's, and nothing else")
    parser.add_argument("--turns", type=int, default=5, help="of the comparison with a commit")
    args = parser.parse_args()
    if args.against:
        compare_versions(args.against, args.turns)
        return
    compare(*scene(args.height), args.repeat)
    compare_workers(args.repeat)
    for clip in args.clips:
        compare_encoding(clip, args.repeat)


if __name__ == "__main__":
    main()
