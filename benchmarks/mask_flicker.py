"""How much the masks of the default keypoint network flicker, each frame alone and made steady, and at what cost.

    python benchmarks/mask_flicker.py [--share S] [--threads N]

Each mask is moved along with the image to the next frame (by Farneback's optical flow, another one than the masks are
made steady by) and compared with the mask there: 1 - intersection over union is flicker, mean and worst twentieth; so
are jumps of the area, mean and worst twentieth. Where the truth is known, intersection over union with it: rendered
people cross; a still image of three people has a mask of them by another program, compared in the box of whoever is
tracked. The last column is the time of the steady masks over that of the others. KINEMA_DATA names the clips; without
it, only the rendered scene runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the neighbours

from benchmarks.accuracy_parts.data import DATA
from benchmarks.trackers import WALKS, Images, rendered_motion

from kinema.body import load_body
from kinema.commands._tables import print_table
from kinema.motion import Motion
from kinema.person import row_of
from kinema.segmentation.sources import KeypointMasks
from kinema.segmentation.steady import SHARE
from kinema.synthetic.render import render_frames
from kinema.tracking import TrackingOptions, track_people
from kinema.video import VideoReader, open_video
from kinema.visualization.posing import PosedPeople
from kinema.visualization.renderer import Mesh, MeshRenderer

WIDTH = 640
CLIPS = {
    "taiji": ("taiji_single_static.mp4", 3.0),
    "basketball": ("basketball_two_people_static.mp4", 3.0),
    "exercise": ("exercise_three_people_static_10fps.mp4", 6.0),
}
STILL_FRAMES = 12


@dataclass(frozen=True, eq=False)
class Scene:
    """video: a clip. truth: from a frame's number, its masks (P,H,W) and boxes (P,4) to intersection over union; None
    where it is unknown."""

    video: VideoReader
    truth: Callable[[int, np.ndarray, np.ndarray], float] | None = None


def overlap(one: np.ndarray, two: np.ndarray) -> float:
    return float((one & two).sum() / max((one | two).sum(), 1))


def rendered_scene(seed: int = 5) -> Scene:
    """Two dressed bodies that cross, and whose pixels are whose."""
    body = load_body()
    motion = rendered_motion(body, WALKS["rendered: two cross"])
    assert motion.camera is not None
    people, renderer = PosedPeople(motion, body), MeshRenderer(motion.width, motion.height)
    known = []
    for frame in range(motion.num_frames):
        meshes = [Mesh(posed.vertices, body.faces) for posed in people.at(frame)]
        visible = renderer.render(meshes, motion.camera.intrinsics).full("mesh")
        known.append([visible == number for number in range(len(meshes))])

    def truth(index: int, masks: np.ndarray, boxes: np.ndarray) -> float:
        return float(np.mean([max(overlap(own, mask) for mask in masks) for own in known[index]]))

    return Scene(Images(list(render_frames(motion, body, seed=seed)), motion.fps), truth)


def still_scene() -> Scene:
    """One image, shown for a while: its mask is of all people, who sit close together."""
    image = cv2.imread(str(DATA / "images/three_people.jpg"))[..., ::-1]
    mask = cv2.imread(str(DATA / "images/three_people_mask.png"), cv2.IMREAD_UNCHANGED)
    known = (
        mask[..., -1] if mask.ndim == 3 and mask.shape[2] == 4 else mask.reshape(*mask.shape[:2], -1)[..., 0]
    ) > 127

    def truth(index: int, masks: np.ndarray, boxes: np.ndarray) -> float:
        near = np.zeros(known.shape, bool)
        for x1, y1, x2, y2 in np.maximum(np.rint(boxes), 0).astype(int):
            near[y1:y2, x1:x2] = True
        return overlap(masks.any(axis=0) & near, known & near)

    return Scene(Images([np.ascontiguousarray(image)] * STILL_FRAMES, 30.0), truth)


def scenes() -> Iterator[tuple[str, Scene]]:
    yield "rendered: two cross", rendered_scene()
    if not DATA.is_dir():
        return
    for name, (file, end) in CLIPS.items():
        yield name, Scene(open_video(DATA / "videos" / file, end=end))
    yield "three people, still", still_scene()


def measured(
    scene: Scene, motion: Motion, source: KeypointMasks, flows: list[np.ndarray]
) -> tuple[list[float], list[float], list[float], float]:
    """Flicker and jumps of the area of each mask, agreement with the truth in each frame, and the seconds it took.

    flows: the optical flow to the frame before of every frame but the first; filled where it is empty.
    """
    flicker, jumps, right, seconds = [], [], [], 0.0
    before, grey_before, known = None, None, bool(flows)
    for frame in scene.video:
        begin = time.perf_counter()
        masks = source(frame)
        seconds += time.perf_counter() - begin
        if scene.truth is not None:
            rows = [(person, row_of(person, frame.index)) for person in motion]
            boxes = [person.require("boxes")[0][row] for person, row in rows if row is not None]
            right.append(scene.truth(frame.index, masks, np.reshape(boxes, (-1, 4))))
        size = (WIDTH, round(WIDTH * frame.image.shape[0] / frame.image.shape[1]))
        small = [cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) for mask in masks]
        if not known:
            grey = cv2.cvtColor(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
            if grey_before is not None:
                flows.append(cv2.calcOpticalFlowFarneback(grey, grey_before, None, 0.5, 4, 15, 3, 5, 1.1, 0))
            grey_before = grey
        if before is not None:
            y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
            places = x + flows[frame.index - 1][..., 0], y + flows[frame.index - 1][..., 1]
            for old, new in zip(before, small, strict=True):
                if old.any() and new.any():
                    here = cv2.remap(old, *places, cv2.INTER_LINEAR) >= 0.5
                    flicker.append(1 - overlap(here, new >= 0.5))
                    jumps.append(abs(float(np.log(new.sum() / old.sum()))))
        before = small
    return flicker, jumps, right, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=SHARE, help="of the frame before (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    rows = []
    for name, scene in scenes():
        motion = track_people(scene.video, TrackingOptions(threads=args.threads, min_track_frames=2))
        flows: list[np.ndarray] = []
        alone = None
        for how, share in (("alone", 0.0), ("steady", args.share)):
            source = KeypointMasks(motion, threads=args.threads, share=share)
            flicker, jumps, right, seconds = measured(scene, motion, source, flows)
            alone = alone or seconds
            rows.append([
                name, how, *(f"{100 * f(flicker):.1f} %" for f in (np.mean, worst)),
                *(f"{100 * f(jumps):.1f} %" for f in (np.mean, worst)),
                f"{np.mean(right):.3f}" if right else "-", f"{seconds / alone:.2f}",
            ])  # fmt: skip
    print_table(["scene", "masks", "flicker", "worst 5 %", "area jumps", "worst 5 %", "truth", "time"], rows)
    return 0


def worst(values: list[float]) -> float:
    """The largest twentieth begins here."""
    return float(np.percentile(values, 95))


if __name__ == "__main__":
    sys.exit(main())
