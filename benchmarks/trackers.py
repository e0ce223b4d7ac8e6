"""Who keeps whose identity: Kinema's tracker, PoseFlow and LightTrack on clips in which everybody's way is known.

    python benchmarks/trackers.py [--scenes NAME...] [--trackers NAME...] [--checkpoint epoch210_model.pt] [--threads N]

Rendered people walk through a room (`kinema.synthetic`); real people are cut out of real clips and moved over a still
image; in real clips the ways were read from the images. People cross, hide each other, leave and return. A line
for each scene and tracker: people in the scene and identities found; coverage, the share of persons x frames on which
somebody was found (people who are hidden by others count as present); identity switches; IDF1; frames on nobody; time
of the processor over that of the first tracker, Kinema's unless --trackers leaves it out. Without LightTrack's
checkpoint its network is left out: boxes only. KINEMA_DATA names the clips; without it, only the rendered scenes run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the tests' helpers

from benchmarks.accuracy_parts.data import DATA
from tests.helpers.composites import Actor, Composite, CutOut, cut_out

from kinema.body import BodyModel, load_body
from kinema.commands._tables import print_table
from kinema.evaluation.identities import FoundPerson, IdentityScores, KnownPerson, identity_scores
from kinema.geometry.camera import project
from kinema.models.lighttrack.numpy_run import SGCN
from kinema.motion import Motion
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24
from kinema.synthetic import studio_camera
from kinema.synthetic.feet import Steps
from kinema.synthetic.performer import Script, perform
from kinema.synthetic.render import render_frames
from kinema.synthetic.truth import person_in_view
from kinema.tracking import TrackingOptions, track_people
from kinema.tracking.follower import Follower
from kinema.tracking.lighttrack import LightTrackFollower
from kinema.tracking.poseflow import PoseFlowFollower
from kinema.video import Frame, VideoReader, open_video

LIMBS = BLAZEPOSE33.indices(LIMBS12)
HIPS = BLAZEPOSE33.indices(("left_hip", "right_hip"))
INSIDE = 0.6
"""Share of somebody's limb joints that lie in the image from which they are present."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip and everybody's way in it: twelve limb joints, or the hips alone where only they are known."""

    video: VideoReader
    known: list[KnownPerson]
    hips: bool = False


class Images(VideoReader):
    """A clip of given images (H, W, 3) uint8."""

    def __init__(self, images: list[np.ndarray], fps: float) -> None:
        super().__init__(Path("images.mp4"), images[0].shape[1], images[0].shape[0], fps, len(images))
        self.images = images

    def __iter__(self) -> Iterator[Frame]:
        for index, image in enumerate(self.images):
            yield Frame(index, index / self.fps, image)


# Rendered scenes: (x, z) metres on the floor, the camera at 0, 0 looking along -z; at 4.5 m it sees 4.7 m across.
WALKS: dict[str, list[list[tuple[float, float]]]] = {
    "rendered: two cross": [[(-1.6, -4.0), (1.6, -4.0)], [(1.6, -4.8), (-1.6, -4.8)]],
    "rendered: one leaves and returns": [[(0.6, -4.3), (3.1, -4.3), (0.6, -4.3)], [(-1.4, -5.0), (0.3, -5.0)]],
    "rendered: four": [
        [(-1.6, -4.0), (1.4, -4.0)], [(1.5, -4.7), (-1.5, -4.7)], [(-0.4, -5.6), (1.2, -5.6), (-1.0, -5.6)],
        [(0.5, -6.4), (-1.4, -6.4), (1.0, -6.4)],
    ],
}  # fmt: skip


def rendered_motion(body: BodyModel, walks: list[list[tuple[float, float]]], fps: float = 24.0) -> Motion:
    """Bodies that walk along polylines, 640 x 360."""
    camera = studio_camera(640, 360)
    scripts = []
    for i, points in enumerate(walks):
        path = np.array(points)
        way = np.concatenate([np.linspace(a, b, 20, endpoint=False) for a, b in pairwise(path)])
        steps = Steps(*path[0], yaw=float(np.arctan2(*(path[1] - path[0]))))
        steps.wait(0.2 * i)
        steps.walk(np.concatenate([way[1:], path[-1:]]), length=0.6, period=0.5)
        scripts.append(Script(steps, steps.time + 0.4))
    times = np.arange(round(max(script.duration for script in scripts) * fps)) / fps
    people = []
    for i, script in enumerate(scripts, start=1):
        done = perform(script, body, np.zeros(10), times)
        people.append(person_in_view(body, camera, i, done.pose, np.zeros(10), done.transl, contacts=done.contacts))
    return Motion(times, camera.width, camera.height, people=tuple(people), camera=camera, body_model=body.name)


def rendered(walks: list[list[tuple[float, float]]], fps: float = 24.0) -> Scene:
    """The same, dressed, in a room."""
    body = load_body()
    motion = rendered_motion(body, walks, fps)
    assert motion.camera is not None
    known = []
    for person in motion:
        points = project(person.joints, motion.camera.intrinsics)[:, SMPL24.indices(LIMBS12)]
        known.append(of_points(points, np.ptp(points[..., 1], axis=1) * 1.2, (motion.width, motion.height)))
    return Scene(Images(list(render_frames(motion, body, seed=5)), fps), known)


def of_points(points: np.ndarray, height: np.ndarray, size: tuple[int, int]) -> KnownPerson:
    """Somebody with points (T, J, 2), absent while too few of them lie in the image."""
    inside = np.all((points > 0) & (points < size), axis=-1).mean(axis=1)
    return KnownPerson(np.where((inside > INSIDE)[:, None, None], points, np.nan), height)


Way = Callable[[int], tuple[float, float] | None]


def line(first: tuple[float, float], last: tuple[float, float], frames: int, wait: int = 0) -> Way:
    """From one place to another in so many frames."""
    return lambda i: tuple(np.array(first) + (np.array(last) - first) * np.clip((i - wait) / frames, 0, 1))


def away(x: float, y: float, step: float, leave: int, back: int) -> Way:
    """Somebody who walks out of the image to the right, and comes back later."""

    def place(i: int) -> tuple[float, float] | None:
        if i < leave:
            return x + step * i, y
        return None if i < back else (max(x + step * (leave - (i - back)), x), y)

    return place


CUT_OUT = {
    "juggler": "football_juggle_single_handheld.mp4",
    "stander": "one_leg_stand_single_static.mp4",
    "taiji": "taiji_single_static.mp4",
    "treadmill": "treadmill_collapse_single_static.mp4",
}


class Cast:
    """People cut out of real clips, each made when it is first needed."""

    def __init__(self) -> None:
        self._made: dict[str, CutOut] = {}
        still = next(iter(open_video(DATA / "videos/walk_two_people_backlit_static.mp4", start=7.6))).image
        self.background = cv2.resize(still, (960, 540), interpolation=cv2.INTER_AREA)

    def __getitem__(self, name: str) -> CutOut:
        if name not in self._made:
            self._made[name] = cut_out(DATA / "videos" / CUT_OUT[name], body_height=240, frames=30)
        return self._made[name]


def composites(cast: Cast) -> dict[str, Callable[[], Scene]]:
    """Real people over a still image, 960 x 540, 30 frames a second."""

    def scene(actors: list[Actor], frames: int, pillar: tuple[int, int] | None = None) -> Scene:
        clip = Composite(cast.background, actors, frames)
        images = [frame.image for frame in clip]
        if pillar is not None:
            for image in images:
                image[:, pillar[0] : pillar[1]] = (96, 92, 88)
        known = []
        for actor in clip.actors:
            places = [actor.points(i) for i in range(frames)]
            points = np.array([np.full((33, 2), np.nan) if each is None else each for each in places])[:, LIMBS]
            if pillar is not None:  # nobody is seen in its middle
                hidden = (points[..., 0] > pillar[0]) & (points[..., 0] < pillar[1])
                points = np.where((hidden.mean(axis=1) > 1 - INSIDE)[:, None, None], np.nan, points)
            known.append(of_points(points, np.full(frames, 240.0), (clip.width, clip.height)))
        return Scene(Images(images, 30.0), known)

    def act(name: str, way: Way, offset: int = 0) -> Actor:
        return Actor(cast[name], way, offset)

    def two(one: str, other: str) -> list[Actor]:
        return [act(one, line((200, 350), (760, 350), 90)), act(other, line((760, 362), (200, 362), 90), 20)]

    def returning() -> list[Actor]:
        return [act("juggler", away(700, 350, 8, 45, 75)), act("stander", lambda i: (250, 360))]

    def four() -> list[Actor]:
        there, back = line((850, 350), (120, 350), 110), line((110, 360), (860, 360), 100, 10)
        behind, before = act("stander", lambda i: (480, 340)), act("treadmill", away(640, 372, 9, 45, 80))
        return [behind, act("taiji", there), act("juggler", back), before]

    return {
        "cut out: two cross": lambda: scene(two("juggler", "stander"), 100),
        "cut out: two in the same clothes cross": lambda: scene(two("juggler", "juggler"), 100),
        "cut out: the same behind a pillar": lambda: scene(two("juggler", "juggler"), 100, (410, 550)),
        "cut out: one leaves and returns": lambda: scene(returning(), 130),
        "cut out: four": lambda: scene(four(), 130),
    }


def by_hand(path: Path, ways: list[tuple[float, list[tuple[float, float, float]]]], **range_: float) -> Scene:
    """A real clip: everybody's height in pixels, and frame, x and y of the hips where they bend; straight in
    between."""
    video = open_video(path, **range_)
    frames = np.arange(sum(1 for _ in video))
    known = []
    for height, way in ways:
        at, x, y = np.array(way).T
        points = np.stack([np.interp(frames, at, x), np.interp(frames, at, y)], axis=1)
        points[(frames < at[0]) | (frames > at[-1])] = np.nan
        known.append(KnownPerson(points[:, None], np.full(len(frames), height)))
    return Scene(open_video(path, **range_), known, hips=True)


def real() -> dict[str, Callable[[], Scene]]:
    """Clips in which people were seen; somebody is found within a fifth of the height of the hips' way."""
    return {
        "real: three gymnasts": lambda: by_hand(
            DATA / "videos/exercise_three_people_static_10fps.mp4",
            [(95, [(0, 96, 175), (199, 96, 175)]), (115, [(0, 190, 187), (199, 187, 187)]),
             (95, [(0, 265, 178), (100, 264, 178), (125, 280, 178), (199, 266, 178)])],
        ),
        "real: a walker and a jumper": lambda: by_hand(
            DATA / "videos/walk_two_people_backlit_static.mp4",
            [(270, [(36, 1143, 530), (54, 1055, 530), (96, 777, 525), (138, 462, 525), (196, 14, 530)]),
             (300, [(0, 470, 195), (108, 482, 190), (138, 553, 186), (162, 571, 200), (168, 602, 170), (183, 718, 317),
                    (189, 761, 472), (195, 765, 574), (201, 799, 554), (226, 1113, 520)])],
        ),
    }  # fmt: skip


def scenes() -> dict[str, Callable[[], Scene]]:
    """Every scene by name, made when it is called."""
    found: dict[str, Callable[[], Scene]] = {name: partial(rendered, walks) for name, walks in WALKS.items()}
    if (DATA / "videos").is_dir():
        found |= composites(Cast()) | real()
    return found


def found_people(motion: Motion, hips: bool) -> list[FoundPerson]:
    """Everybody in the frames in which they were observed."""
    people = []
    for person in motion:
        points = person.keypoints[:, HIPS].mean(axis=1, keepdims=True) if hips else person.keypoints[:, LIMBS]
        people.append(FoundPerson(person.frames[person.observed], points[person.observed]))
    return people


def row(name: str, tracker: str, known: list[KnownPerson], score: IdentityScores, ratio: float) -> list[str]:
    return [
        name, tracker, f"{len(known)}: {score.people}", f"{100 * score.coverage:.1f} %", str(score.switches),
        f"{100 * score.idf1:.1f}", str(score.extra), f"{ratio:.1f}",
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", nargs="*", metavar="NAME", help="only those whose names contain one of these")
    parser.add_argument("--trackers", nargs="*", metavar="NAME", help="only those whose names contain one of these")
    parser.add_argument("--checkpoint", type=Path, help="LightTrack's network")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    network = None if args.checkpoint is None else SGCN.open(args.checkpoint)
    trackers = {
        "kinema": Follower, "poseflow": PoseFlowFollower,
        "lighttrack" if network else "lighttrack, boxes only": partial(LightTrackFollower, network=network),
    }  # fmt: skip
    if args.trackers:
        trackers = {name: each for name, each in trackers.items() if any(part in name for part in args.trackers)}
    rows, totals = [], {name: [] for name in trackers}
    for name, make in scenes().items():
        if args.scenes and not any(each in name for each in args.scenes):
            continue
        scene = make()
        first = 0.0
        for tracker, follower in trackers.items():
            start = time.process_time()
            motion = track_people(scene.video, TrackingOptions(threads=args.threads), follower=follower)
            taken = time.process_time() - start
            first = first or taken
            score = identity_scores(scene.known, found_people(motion, scene.hips))
            totals[tracker].append((score, taken))
            rows.append(row(name, tracker, scene.known, score, taken / first))
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    base = sum(taken for _, taken in next(iter(totals.values())))
    for tracker, scored in totals.items():
        scores = [score for score, _ in scored]
        rows.append([
            "all", tracker, str(sum(s.people for s in scores)),
            f"{100 * sum(s.found for s in scores) / sum(s.present for s in scores):.1f} %",
            str(sum(s.switches for s in scores)), f"{100 * np.mean([s.idf1 for s in scores]):.1f}",
            str(sum(s.extra for s in scores)), f"{sum(taken for _, taken in scored) / base:.1f}",
        ])  # fmt: skip
    print_table(["scene", "tracker", "people: ids", "coverage", "switches", "IDF1", "on nobody", "time"], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
