"""The stages of the main job in order, and the loop that runs them or takes what is already there."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kinema._version import __version__
from kinema.body import BodyModel, load_body
from kinema.errors import UsageError
from kinema.estimation import fit_body
from kinema.geometry.camera import camera_from_focal, camera_from_fov
from kinema.models.pare.release import PareRelease, about_body
from kinema.models.pare.stage import regress_people
from kinema.models.pare.torch_run import require_torch
from kinema.motion import Motion
from kinema.pipeline.keys import digest
from kinema.pipeline.options import RunOptions
from kinema.pipeline.store import PartialResult, StageResult, StageStore
from kinema.pipeline.watching import RunWatcher, StageTime, timed
from kinema.progress import Progress
from kinema.provenance import StageRecord
from kinema.refinement import filter_motion
from kinema.refinement import refine as refine_motion
from kinema.tracking import track_people
from kinema.video import VideoReader
from kinema.weights import locate
from kinema.weights.cache import known_sha256
from kinema.weights.catalogue import find as find_weights
from kinema.weights.hub import status
from kinema.world import place_in_world
from kinema.world.camera_motion import CameraMotionDetector

FILM_WIDTH = 36.0
"""mm: the longer side of the 35 mm frame that "35 mm equivalent" focal lengths speak of."""


@dataclass(frozen=True)
class Job:
    """What every stage may use: the open video, the body, the settings, and a place for what the user must know.

    partial: where a long stage keeps what it has done so far, None where nothing is kept.
    """

    video: VideoReader
    body: BodyModel
    options: RunOptions
    notes: list[str] = field(default_factory=list)
    partial: PartialResult | None = None


@dataclass(frozen=True)
class Stage:
    """One step of the chain.

    run(job, motion, progress) returns the motion with more fields filled. depends: names of the settings in
    `RunOptions` that its result depends on, beside those of the stages before it. networks: names in the
    weights hub of what it runs; they are fetched before it starts. own_weights: sha256 by name of files that the
    user brings. body: whether it uses the body model. slow: whether its result is worth keeping after the run, for
    another run of the same video.
    """

    name: str
    run: Callable[[Job, Motion | None, Progress], Motion]
    depends: tuple[str, ...]
    networks: tuple[str, ...] = ()
    own_weights: Mapping[str, str] = field(default_factory=dict)
    body: bool = False
    slow: bool = False

    def weights(self, job: Job) -> dict[str, str]:
        """sha256 by name of the networks, as the catalogue has them, and of the body model."""
        found = {name: find_weights(name).sha256 or "" for name in self.networks}
        return found | dict(self.own_weights) | ({job.body.name: job.body.sha256} if self.body else {})


def track(job: Job, motion: Motion | None, progress: Progress) -> Motion:
    """Find and follow people, and look at the same frames whether the camera moves."""
    detector = None if job.options.static_camera else CameraMotionDetector()
    observers = [] if detector is None else [detector]
    motion = track_people(
        job.video, job.options.tracking, progress=progress, observers=observers, checkpoint=job.partial
    )
    focal_35mm = job.video.metadata.get("focal_35mm")
    if motion.camera is None and focal_35mm:
        focal = focal_35mm / FILM_WIDTH * max(motion.width, motion.height)
        motion = motion.replace(camera=camera_from_focal(motion.width, motion.height, focal, "metadata"))
    if detector is None:
        arguments: dict[str, Any] = {"moving": False, "source": "static_camera option"}
    else:
        arguments = dataclasses.asdict(detector.report()) | {"source": "frames"}
    return motion.after(StageRecord("camera_motion", __version__, arguments))


def regress(job: Job, motion: Motion | None, progress: Progress) -> Motion:
    """Let PARE look at everybody: poses for the fit to start from."""
    motion = _given(motion)
    if job.options.fit.fov is not None:
        motion = motion.replace(camera=camera_from_fov(motion.width, motion.height, job.options.fit.fov, "fov option"))
    told = about_body(job.body)
    if told is not None:
        job.notes.append(told)
    options = job.options.pare
    if options.threads is None:
        options = dataclasses.replace(options, threads=job.options.tracking.threads)
    return regress_people(motion, job.video, job.body, options, progress=progress)


def fit(job: Job, motion: Motion | None, progress: Progress) -> Motion:
    """Fit the body, leave out whom it cannot be fitted to, and note on the camera whether it moves."""
    options = job.options.fit
    if job.options.estimator == "pare":
        options = dataclasses.replace(options, prior="estimate")
    fitted = fit_body(_given(motion), job.body, options, progress=progress)
    lost = [person.id for person in fitted if person.pose is None]
    if lost:
        job.notes.append(f"left out, as too little of them is seen for a body: person {', '.join(map(str, lost))}")
        fitted = fitted.replace(people=tuple(person for person in fitted if person.pose is not None))
    moving = camera_moves(fitted)
    if fitted.camera is None or moving is None:
        return fitted
    return fitted.replace(camera=fitted.camera.replace(moving=moving))


def smooth(job: Job, motion: Motion | None, progress: Progress) -> Motion:
    """Smooth in time."""
    return filter_motion(_given(motion), job.body, job.options.filter, progress=progress)


def refine(job: Job, motion: Motion | None, progress: Progress) -> Motion:
    """Refine in time with a network."""
    chosen = job.options.refine
    return refine_motion(_given(motion), job.body, chosen.method or "", progress=progress, **chosen.settings())


def world(job: Job, motion: Motion | None, progress: Progress) -> Motion:
    """Place the motion on the ground of a y-up world, where the camera allows."""
    placed = place_in_world(_given(motion), job.body, job.options.world, progress=progress)
    if placed.camera is not None and placed.camera.moving:
        job.notes.append(
            "the camera moves, so the motion is in the camera's frame only, without a world; if it does stand still,"
            " say so with --static-camera"
        )
    return placed


TRACK = Stage(
    "track",
    track,
    ("time_range", "static_camera", "tracking"),
    networks=("blazepose-detector", "blazepose-landmarks-full"),
    slow=True,
)
FIT = Stage("fit", fit, ("estimator", "fit"), body=True, slow=True)
FILTER = Stage("filter", smooth, ("filter",))
REFINE = Stage("refine", refine, ("refine",))
WORLD = Stage("world", world, ("world",))


def chain(options: RunOptions) -> tuple[Stage, ...]:
    """The stages that these settings ask for, in order.

    Raises WeightsError where the estimator's checkpoint is missing, UsageError where it needs torch and there is none.
    """
    guess = (_regress_stage(options),) if options.estimator == "pare" else ()
    calm = (REFINE,) if options.refine.method else (FILTER,) if options.smooth else ()
    return (TRACK, *guess, FIT, *calm, WORLD)


def _regress_stage(options: RunOptions) -> Stage:
    require_torch()
    path = PareRelease().checkpoint(options.pare.checkpoint)
    return Stage("regress", regress, ("pare", "fit"), own_weights={path.name: known_sha256(path)}, body=True, slow=True)


def body_for(options: RunOptions) -> BodyModel:
    """The body of a run: the user's file, for PARE also the SMPL file in the weights hub, else the free one."""
    if options.body_model is None and options.estimator == "pare":
        return PareRelease().body()
    return load_body(options.body_model)


def camera_moves(motion: Motion) -> bool | None:
    """What the tracking stage's look at the camera said; None where nobody looked."""
    for record in reversed(motion.provenance):
        if record.name == "camera_motion":
            return record.arguments.get("moving")
    return None


@dataclass
class ChainResult:
    """The motion after the last stage, the time of each, and what the user must be told."""

    motion: Motion
    times: list[StageTime] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def run_chain(
    job: Job, stages: Sequence[Stage], watcher: RunWatcher, *, store: StageStore | None = None, base_key: str = ""
) -> ChainResult:
    """Run the stages in order; with a `store`, take those that are there and keep those that are not.

    base_key: the identity of the input and the program; each stage's key is made of that of the stage before
    it, its own settings and its weights. The chain ends early where the video shows nobody.
    """
    motion: Motion | None = None
    times: list[StageTime] = []
    warnings: list[str] = []
    settings = job.options.to_dict()
    key = base_key
    for stage in stages:
        key = digest(key, stage.name, [settings[name] for name in stage.depends], stage.weights(job))
        result = store.find(stage.name, key) if store is not None else None
        reused = result is not None
        if result is None:
            _fetch(stage.networks, watcher)
            progress = watcher.start(stage.name)
            begin = time.perf_counter()
            partial = None if store is None else store.partial(stage.name, key)
            moved = stage.run(dataclasses.replace(job, partial=partial), motion, progress)
            told = [w for w in (*job.video.warnings, *job.notes) if w not in warnings]
            result = StageResult(moved, time.perf_counter() - begin, tuple(told))
            if store is not None:
                store.keep(stage.name, key, result)
            if partial is not None:
                partial.forget()
        motion = result.motion
        times.append(StageTime(stage.name, result.seconds, reused))
        watcher.done(times[-1])
        for sentence in result.warnings:
            warnings.append(sentence)
            watcher.note(sentence)
        if not motion.people:
            break
    return ChainResult(_given(motion), times, warnings)


def _fetch(networks: Sequence[str], watcher: RunWatcher) -> None:
    """Have the networks in the cache, with progress where they must be fetched first. Raises WeightsError."""
    missing = [name for name in networks if status(find_weights(name)).state == "missing"]
    if missing:
        with timed(watcher, "weights") as progress:
            for name in missing:
                locate(name, progress=progress)


def _given(motion: Motion | None) -> Motion:
    if motion is None:
        raise UsageError("a chain of stages starts with the one that reads the video")
    return motion
