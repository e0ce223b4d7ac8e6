"""What masks give the keypoints of people who overlap: errors in the image, before and after the stage `apart`.

    python benchmarks/masked_views.py [--scenes NAME...] [--masks true|rough|blazepose]

Two to four people cross, rendered or cut out of real clips, so that everybody's joints and pixels are known. The mean
and the worst tenth of the error of twelve limb joints, percent of the height: of joints that are seen and of all, as
tracked and with the others' masks hidden, over the frames in which the stage looks again; a track is of whom it shows
in most frames. Masks: the true ones; rough, their edges wrong by 2 % of the height as another network's are; those of
the keypoint network. KINEMA_DATA names the clips; without it, only the rendered scenes run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the neighbours and the tests' helpers

from benchmarks.trackers import DATA, LIMBS, WALKS, Cast, Images, line, rendered_motion
from tests.helpers.composites import Actor, Composite

from kinema.body import load_body
from kinema.commands._tables import print_table
from kinema.geometry.camera import project
from kinema.motion import Motion
from kinema.person import row_of
from kinema.segmentation.person_masks import PersonMasks
from kinema.segmentation.registry import MaskedFrame
from kinema.segmentation.sources import KeypointMasks
from kinema.skeleton import LIMBS12, SMPL24
from kinema.stage import Context
from kinema.synthetic.render import render_frames
from kinema.tracking import TrackingOptions, track_people
from kinema.tracking.apart import look_apart, overlapped
from kinema.visualization.posing import PosedPeople
from kinema.visualization.renderer import Mesh, MeshRenderer

SAME = 0.35
"""Mean distance of the joints, in heights, up to which a track is somebody's."""


@dataclass(frozen=True, eq=False)
class Scene:
    """video; masks: from a frame's number the true ones (P,H,W); joints: (T,12,2) pixels of each person."""

    video: Images
    masks: Callable[[int], np.ndarray]
    joints: list[np.ndarray]


def rendered(name: str, seed: int) -> Scene:
    body = load_body()
    motion = rendered_motion(body, WALKS[name])
    assert motion.camera is not None
    lens = motion.camera.intrinsics
    people, renderer = PosedPeople(motion, body), MeshRenderer(motion.width, motion.height)

    def masks(index: int) -> np.ndarray:
        meshes = [Mesh(posed.vertices, body.faces) for posed in people.at(index)]
        visible = renderer.render(meshes, lens).full("mesh")
        return np.asarray(visible[None] == np.arange(len(meshes))[:, None, None])

    joints = [project(person.joints, lens)[:, SMPL24.indices(LIMBS12)] for person in motion]
    return Scene(Images(list(render_frames(motion, body, seed=seed)), motion.fps), masks, joints)


def cut_out(cast: Cast, first: str, second: str, *, close: bool = False) -> Scene:
    """Two real people who cross, or stand beside each other, the second in front."""
    ways = [line((440, 350), (470, 350), 50), line((520, 362), (490, 362), 50)] if close else [
        line((200, 350), (760, 350), 90), line((760, 362), (200, 362), 90)
    ]  # fmt: skip
    actors = [Actor(cast[first], ways[0]), Actor(cast[second], ways[1], 20)]
    frames = 50 if close else 100
    clip = Composite(cast.background, actors, frames)
    joints = [np.array([actor.points(i)[LIMBS] for i in range(frames)]) for actor in actors]
    return Scene(Images([frame.image for frame in clip], 30.0), clip.masks, joints)


def scenes() -> dict[str, Callable[[], Scene]]:
    found: dict[str, Callable[[], Scene]] = {
        "rendered: two cross": lambda: rendered("rendered: two cross", 7),
        "rendered: four": lambda: rendered("rendered: four", 5),
    }
    if (DATA / "videos").is_dir():
        cast = Cast()
        found |= {
            "cut out: two cross": lambda: cut_out(cast, "juggler", "stander"),
            "cut out: others cross": lambda: cut_out(cast, "taiji", "treadmill"),
            "cut out: side by side": lambda: cut_out(cast, "taiji", "juggler", close=True),
        }
    return found


def somebody(motion: Motion, scene: Scene, place: int, index: int) -> int | None:
    """Who a tracked person is in a frame."""
    person = motion.people[place]
    row = row_of(person, index)
    gaps = [
        np.linalg.norm(person.keypoints[row, LIMBS] - joints[index], axis=1).mean() / np.ptp(joints[index][:, 1])
        for joints in scene.joints
    ]
    best = int(np.argmin(gaps))
    return best if gaps[best] < SAME else None


def owners_of(scene: Scene, motion: Motion) -> list[int | None]:
    """Who each tracked person is in most frames."""
    owners = []
    for place, person in enumerate(motion):
        every = [somebody(motion, scene, place, int(frame)) for frame in person.frames]
        known = [each for each in every if each is not None]
        owners.append(max(set(known), key=known.count) if known else None)
    return owners


def given_masks(scene: Scene, motion: Motion, kind: str) -> Callable[[int], np.ndarray]:
    """From a frame's number to the masks of the motion's people."""
    if kind == "blazepose":
        source, frames = KeypointMasks(motion), list(scene.video)
        return lambda index: source(frames[index])
    owners = owners_of(scene, motion)
    rng = np.random.default_rng(0)

    def masks(index: int) -> np.ndarray:
        true = scene.masks(index)
        if kind == "rough":
            for mask in true:
                reach = max(round(0.02 * max(np.ptp(np.nonzero(mask), axis=1), default=0)), 1) if mask.any() else 1
                noise = cv2.GaussianBlur(rng.standard_normal(mask.shape).astype(np.float32), (0, 0), 2 * reach)
                edge = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), reach)
                mask[:] = edge + 0.35 * noise / max(float(noise.std()), 1e-9) * (edge > 0.02) > 0.5
        return np.array([np.zeros(true.shape[1:], bool) if owner is None else true[owner] for owner in owners])

    return masks


def with_masks(scene: Scene, motion: Motion, kind: str, folder: Path) -> Motion:
    masks = given_masks(scene, motion, kind)
    with PersonMasks(motion, folder) as kept:
        for frame in scene.video:
            kept.put(MaskedFrame(frame.index, frame.image, masks(frame.index)))
    return motion.replace(people=kept.people())


def errors(motion: Motion, scene: Scene, chosen: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Errors (N,12) of the limb joints, in heights, and whether each is seen. chosen: frame, track, somebody."""
    off, seen = [], []
    for index, place, who in chosen:
        person, joints = motion.people[place], scene.joints[who][index]
        off.append(np.linalg.norm(person.keypoints[row_of(person, index), LIMBS] - joints, axis=1))
        off[-1] = off[-1] / np.ptp(joints[:, 1])
        own = scene.masks(index)[who]
        x, y = np.rint(joints).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < own.shape[1]) & (y < own.shape[0])
        seen.append(inside & own[np.clip(y, 0, own.shape[0] - 1), np.clip(x, 0, own.shape[1] - 1)])
    return np.array(off), np.array(seen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", nargs="*", metavar="NAME", help="only those whose names contain one of these")
    parser.add_argument("--masks", nargs="*", default=["true", "rough", "blazepose"])
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    options = TrackingOptions(threads=args.threads)
    rows: list[list[str]] = []
    pooled: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for name, make in scenes().items():
        if args.scenes and not any(each in name for each in args.scenes):
            continue
        scene = make()
        tracked = track_people(scene.video, options)
        owners = owners_of(scene, tracked)
        for kind in args.masks:
            with tempfile.TemporaryDirectory() as folder:
                motion = with_masks(scene, tracked, kind, Path(folder))
                chosen = [(i, p, who) for i, p in overlapped(motion) if (who := owners[p]) is not None]
                if not chosen:
                    continue
                context = Context(video=scene.video)
                after = look_apart(motion, context, options)
                (old, seen), (new, _) = errors(motion, scene, chosen), errors(after, scene, chosen)
            pooled.setdefault(kind, []).append((old, new, seen))
            rows.append(row(name, kind, old, new, seen))
            print("  ".join(rows[-1]), context.facts, file=sys.stderr, flush=True)
    for kind, parts in pooled.items():
        rows.append(row("all", kind, *(np.concatenate(each) for each in zip(*parts, strict=True))))
    print_table(["scene", "masks", "frames", "seen joints", "worst tenth", "all joints", "worst tenth"], rows)
    return 0


def row(name: str, kind: str, old: np.ndarray, new: np.ndarray, seen: np.ndarray) -> list[str]:
    def change(which: np.ndarray, measure: Callable[[np.ndarray], float]) -> str:
        return f"{100 * measure(old[which]):.1f} -> {100 * measure(new[which]):.1f}"

    def worst(values: np.ndarray) -> float:
        return float(np.quantile(values, 0.9))

    every = np.ones(seen.shape, bool)
    return [name, kind, str(len(old)), *(change(w, m) for w in (seen, every) for m in (np.mean, worst))]


if __name__ == "__main__":
    sys.exit(main())
