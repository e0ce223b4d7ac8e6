"""A chain of stages that needs no networks: quick, countable, and able to fail or stop on demand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from kinema.estimation.options import FitOptions
from kinema.geometry.camera import camera_from_fov
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.options import RunOptions
from kinema.pipeline.stages import Step
from kinema.refinement.measures import SMOOTHING
from kinema.refinement.options import FilterOptions
from kinema.stage import Stage
from kinema.tracking.options import TrackingOptions
from kinema.world.options import WorldOptions

FRAMES = 12


def write_clip(path: Path, frames: int = FRAMES, size: tuple[int, int] = (96, 64), seed: int = 0) -> Path:
    """A small video that shows nothing in particular."""
    noise = np.random.default_rng(seed)
    return write_images(path, (noise.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8) for _ in range(frames)))


def write_images(path: Path, images: Iterable[np.ndarray]) -> Path:
    """A video of RGB images (H, W, 3), 30 a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(images):
            if not number:
                stream.height, stream.width = image.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


class FakeChain:
    """Stages track, fit, filter, world. `calls` counts what ran; `before[name]` is called when a stage begins."""

    def __init__(self, people: int = 1) -> None:
        self.people = people
        self.calls: list[str] = []
        self.before: dict[str, object] = {}

    def steps(self, options: RunOptions | None = None) -> tuple[Step, ...]:
        options = options or RunOptions()
        stages = (
            Stage("track", "tracking people", TrackingOptions, self._track, video=True, slow=True),
            Stage("fit", "fitting bodies", FitOptions, self._fit, body=True, slow=True),
            Stage("filter", "smoothing", FilterOptions, self._filter),
            Stage("world", "placing in the world", WorldOptions, self._world),
        )
        return tuple(Step(stage, options.options_of(stage)) for stage in stages)

    def _begin(self, name: str) -> None:
        self.calls.append(name)
        if name in self.before:
            self.before[name]()

    def _track(self, motion, context, options):
        self._begin("track")
        times = []
        for frame in context.video:
            times.append(frame.time)
            context.progress(frame.index + 1, context.video.num_frames_estimate)
        video = context.video
        frames = np.arange(len(times))
        people = tuple(
            Person(
                id=number + 1,
                frames=frames,
                boxes=np.tile([10.0, 5.0, 40.0, 60.0], (len(frames), 1)),
                confidence=np.ones(len(frames)),
                observed=np.ones(len(frames), bool),
                keypoint_set="blazepose33",
                keypoints=np.full((len(frames), 33, 2), np.nan),
                keypoint_confidence=np.zeros((len(frames), 33)),
                keypoints3d=np.zeros((len(frames), 33, 3)),
            )
            for number in range(self.people)
        )
        context.weights["net"] = "0" * 64
        return Motion(times=times, width=video.width, height=video.height, people=people, source=video.path.name)

    def _fit(self, motion, context, options):
        self._begin("fit")
        people = []
        for person in motion:
            frames = len(person)
            pose, betas = np.zeros((frames, 72)), np.zeros((frames, 10))
            pose[:, 3] = 0.1 * np.sin(np.arange(frames))
            transl = np.tile([0.0, 0.0, 4.0], (frames, 1)) + 0.01 * np.arange(frames)[:, None]
            people.append(
                person.replace(
                    pose=pose, betas=betas, transl=transl, joints=context.body.joints(pose, betas, transl),
                    reprojection_error=np.full(frames, 1.5),
                )
            )  # fmt: skip
        camera = motion.camera or camera_from_fov(motion.width, motion.height)
        return motion.replace(people=tuple(people), camera=camera, body_model=context.body.name)

    def _filter(self, motion, context, options):
        self._begin("filter")
        shaking = {"jitter": 10.0}
        told = {"before": shaking, "after": {"jitter": 1.0}}
        return motion.replace(people=tuple(person.replace(data={SMOOTHING: told}) for person in motion))

    def _world(self, motion, context, options):
        self._begin("world")
        camera = motion.camera.replace(rotation=np.diag([1.0, -1.0, -1.0]), translation=np.zeros(3), moving=False)
        people = tuple(
            p.replace(
                pose_world=p.pose, transl_world=p.transl, joints_world=p.joints, contacts=np.zeros((len(p), 4), bool)
            )
            for p in motion
        )
        return motion.replace(people=people, camera=camera)
