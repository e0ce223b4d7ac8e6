"""A chain of stages that needs no networks: quick, countable, and able to fail or stop on demand."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from kinema.geometry.camera import camera_from_fov
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.stages import Stage
from kinema.provenance import StageRecord

FRAMES = 12


def write_clip(path: Path, frames: int = FRAMES, size: tuple[int, int] = (96, 64), seed: int = 0) -> Path:
    """A small video that shows nothing in particular."""
    noise = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for _ in range(frames):
            image = noise.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


class FakeChain:
    """Stages track, fit, filter, world. `calls` counts what ran; `before[name]` is called when a stage begins."""

    def __init__(self, people: int = 1) -> None:
        self.people = people
        self.calls: list[str] = []
        self.before: dict[str, object] = {}

    def stages(self) -> tuple[Stage, ...]:
        return (
            Stage("track", self._track, ("time_range", "tracking"), slow=True),
            Stage("fit", self._fit, ("fit",), body=True, slow=True),
            Stage("filter", self._filter, ("filter",)),
            Stage("world", self._world, ("world",)),
        )

    def _begin(self, name: str) -> None:
        self.calls.append(name)
        if name in self.before:
            self.before[name]()

    def _track(self, job, motion, progress):
        self._begin("track")
        times = []
        for frame in job.video:
            times.append(frame.time)
            progress(frame.index + 1, job.video.num_frames_estimate)
        video = job.video
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
        return Motion(
            times=times, width=video.width, height=video.height, people=people, source=video.path.name,
            provenance=(StageRecord("tracking", "0", {}, {"net": "0" * 64}),),
        )  # fmt: skip

    def _fit(self, job, motion, progress):
        self._begin("fit")
        people = []
        for person in motion:
            frames = len(person)
            pose, betas = np.zeros((frames, 72)), np.zeros((frames, 10))
            pose[:, 3] = 0.1 * np.sin(np.arange(frames))
            transl = np.tile([0.0, 0.0, 4.0], (frames, 1)) + 0.01 * np.arange(frames)[:, None]
            people.append(
                person.replace(
                    pose=pose, betas=betas, transl=transl, joints=job.body.joints(pose, betas, transl),
                    reprojection_error=np.full(frames, 1.5),
                )
            )  # fmt: skip
        camera = motion.camera or camera_from_fov(motion.width, motion.height)
        return motion.after(
            StageRecord("fit", "0", {}, {job.body.name: job.body.sha256}),
            people=tuple(people), camera=camera, body_model=job.body.name,
        )  # fmt: skip

    def _filter(self, job, motion, progress):
        self._begin("filter")
        shaking = {"jitter": 10.0}
        told = {str(p.id): {"before": shaking, "after": {"jitter": 1.0}} for p in motion}
        return motion.after(StageRecord("filter.fake", "0", {"people": told}))

    def _world(self, job, motion, progress):
        self._begin("world")
        camera = motion.camera.replace(rotation=np.diag([1.0, -1.0, -1.0]), translation=np.zeros(3), moving=False)
        people = tuple(
            p.replace(
                pose_world=p.pose, transl_world=p.transl, joints_world=p.joints, contacts=np.zeros((len(p), 4), bool)
            )
            for p in motion
        )
        return motion.after(StageRecord("world", "0"), people=people, camera=camera)
