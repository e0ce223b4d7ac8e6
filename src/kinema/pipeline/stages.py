"""The chain of a run: which stages in which order, and the loop that runs them or reuses stored results."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kinema.body import BodyModel, load_body
from kinema.camera.stage import find_camera
from kinema.errors import InputError, UsageError
from kinema.estimation.nlf_stage import localize_people
from kinema.estimation.registry import ESTIMATORS
from kinema.lifting.stage import lift_keypoints
from kinema.models.nlf.options import MASKS, NO_MASKS
from kinema.motion import Motion
from kinema.options import identity_of
from kinema.pipeline.clearance import require_all_cleared
from kinema.pipeline.keys import InputWatch, digest
from kinema.pipeline.nlf_parity import with_ground
from kinema.pipeline.options import RunOptions, plain
from kinema.pipeline.store import PartialResult, StageResult, StageStore
from kinema.pipeline.watching import RunWatcher, StageTime, timed
from kinema.quality.wholeness import wholeness, wholeness_problems
from kinema.refinement.registry import REFINERS
from kinema.refinement.stage import filter_motion
from kinema.segmentation.choice import Choice, select_people
from kinema.segmentation.stage import NONE, OWN, segment_people
from kinema.stage import LEFT_OUT, Context, Stage
from kinema.tracking.apart_stage import look_at_overlapped
from kinema.tracking.registry import TRACKERS
from kinema.tracking.stage import CAMERA_MOTION
from kinema.tracking.upside_down import UPSIDE_DOWN, everyone_upside_down
from kinema.video import VideoReader
from kinema.weights import locate
from kinema.weights.catalogue import find as find_weights
from kinema.weights.consent import clearing
from kinema.weights.hub import status
from kinema.world.stage import place_in_world


@dataclass(frozen=True)
class Job:
    """What a run works on: the open video, None for stages that read none, and the body. watch: whether the video stays
    the same, if anybody asks."""

    video: VideoReader | None
    body: BodyModel
    watch: InputWatch | None = None


@dataclass(frozen=True)
class Step:
    """A stage of a chain with its options. then: a quick post-processing step that is repeated on every run; it may add
    notes for the user. files: sha256 by name of the stage's own files, hashed once, when the step is made; raises what
    the stage raises if one is missing (a checkpoint, torch)."""

    stage: Stage
    options: Any
    then: Callable[[Motion, list[str]], Motion] | None = None
    files: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", dict(self.stage.files(self.options)))

    def weights(self, body: BodyModel) -> dict[str, str]:
        """sha256 by name of everything but motion and options that determines the result: networks, files, the body.

        A network's sha256 is taken from the catalogue, so nothing is fetched for it, or from the cache where it is not
        published.
        """
        rows = [find_weights(name) for name in self.stage.networks(self.options)]
        networks = {row.name: row.sha256 or status(row).sha256 or "" for row in rows}
        return {**networks, **self.files, **self.stage.body_weights(body)}

    def key(self, before: str, body: BodyModel) -> str:
        """The sha256 of everything that the result depends on: the preceding step's key, options and weights."""
        return digest(before, *self.identity(body))

    def identity(self, body: BodyModel) -> tuple[Any, ...]:
        """What the result depends on besides the motion: the stage, its options but neutral ones, its weights."""
        return self.stage.name, plain(identity_of(self.options)), self.weights(body)


def chain(options: RunOptions) -> tuple[Step, ...]:
    """The steps for these settings, in order.

    If something that a stage needs is missing (a checkpoint, torch) or not allowed, its error is raised here, before
    any work is done.
    """
    require_all_cleared(options.commercial_only, files=[options.body_model, options.drawing.rife])
    with clearing(options.commercial_only):
        steps = _steps(options)
        require_all_cleared(
            options.commercial_only,
            networks=[name for step in steps for name in step.stage.networks(step.options)],
            files=[name for step in steps for name in step.files],
        )
    return steps


def _steps(options: RunOptions) -> tuple[Step, ...]:
    estimator = ESTIMATORS.find(options.estimator)
    steps = []
    masking = () if options.masks.source == NONE else (segment_people,)
    better = options.masks.source not in (NONE, OWN)
    looking = (look_at_overlapped,) if better and estimator.follows_keypoints else ()
    if localize_people in estimator.stages and options.nlf.boxes == MASKS and not masking:
        raise UsageError(NO_MASKS)
    choosing = (select_people,) if options.select.people else ()
    lifting = () if options.lift.method is None else (lift_keypoints,)
    tracker = TRACKERS.find(options.tracker).stage
    for stage in (tracker, *masking, *looking, find_camera, *choosing, *lifting, *estimator.stages):
        step = step_of(stage, options)
        if stage is tracker and choosing:
            step = dataclasses.replace(step, then=partial(_can_choose, choices=options.select.choices))
        steps.append(step)
    if options.refine.method is not None:
        following = [REFINERS.find(options.refine.method).stage, place_in_world]
    else:
        smooth = not (estimator.smooth and options.tracks.smooth) if options.smooth is None else options.smooth
        following = [filter_motion, place_in_world] if smooth else [place_in_world]
    return (*steps, *(Step(stage, options.options_of(stage)) for stage in following))


def step_of(stage: Stage, options: RunOptions) -> Step:
    """A stage as a step of the chain of these settings: with what the estimator fixes of its options, and what follows
    its last stage."""
    estimator = ESTIMATORS.find(options.estimator)
    then: Callable[[Motion, list[str]], Motion] | None = None
    if stage is estimator.stages[-1]:
        settled = partial(settle, things=estimator.follows_keypoints and not options.fit.keep_all)
        then = partial(_with_ground, settled=settled) if options.nlf.parity else settled
    fixed = estimator.settings.get(stage.name, {})
    return Step(stage, dataclasses.replace(options.options_of(stage), **fixed), then)


def _can_choose(motion: Motion, notes: list[str], *, choices: Sequence[Choice]) -> Motion:
    """The same motion, or UsageError for numbers that nobody has: before masks and the camera take their time."""
    from kinema.segmentation.selection import check

    if motion.people:
        check(motion, choices)
    return motion


def _with_ground(motion: Motion, notes: list[str], *, settled: Callable[[Motion, list[str]], Motion]) -> Motion:
    """Settled, with the ground of NLF's pipeline in the data."""
    return with_ground(settled(motion, notes), notes)


def identify(steps: Sequence[Step], watcher: RunWatcher) -> None:
    """Fetch the networks whose sha256 is not published, since it is part of what a result is known by."""
    names = [name for step in steps for name in step.stage.networks(step.options)]
    fetch([name for name in names if find_weights(name).sha256 is None], watcher)


def settle(motion: Motion, notes: list[str], *, things: bool = True) -> Motion:
    """Establish what the rest of a run relies on: everyone has a body, and the camera states whether it moves.

    things: leave out those whose body is so far from the keypoints that they are no person.
    """
    motion = _judged(with_bodies(motion, notes), notes, things)
    moving = motion.data.get(CAMERA_MOTION, {}).get("moving")
    if motion.camera is None or moving is None:
        return motion
    return motion.replace(camera=motion.camera.replace(moving=moving))


def with_bodies(motion: Motion, notes: list[str]) -> Motion:
    """The motion without people whom too little was seen of to fit a body to; a note names them."""
    lost = [person.id for person in motion if person.pose is None]
    if not lost:
        return motion
    notes.append(f"{LEFT_OUT}, because too little is seen to fit a body: person {', '.join(map(str, lost))}")
    return motion.replace(people=tuple(person for person in motion if person.pose is not None))


def _judged(motion: Motion, notes: list[str], things: bool) -> Motion:
    """The motion without tracks that are certainly no whole person, if `things` are to be left out; notes on them, on
    doubtful ones, and if everybody who is left is upside down.
    """
    people = []
    for person in motion:
        found = wholeness(motion, person)
        reasons = " and ".join(problem.sentence for problem in wholeness_problems(motion, person))
        if things and found.is_nobody:
            why = f"it is hardly a whole person: person {person.id}, {reasons}"
            notes.append(f"{LEFT_OUT}, because {why}; `keep_all` keeps such tracks")
            continue
        if reasons:
            notes.append(f"person {person.id}: {reasons}")
        people.append(person)
    motion = motion.replace(people=tuple(people))
    if everyone_upside_down(motion):
        notes.append(UPSIDE_DOWN)
    return motion


def body_for(options: RunOptions) -> BodyModel:
    """The body of a run: the user's file, the estimator's own, else the free one."""
    own = ESTIMATORS.find(options.estimator).body
    return own() if options.body_model is None and own is not None else load_body(options.body_model)


@dataclass
class ChainResult:
    """The motion after the last stage, the time of each, and the warnings for the user."""

    motion: Motion
    times: list[StageTime] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def run_chain(
    job: Job,
    steps: Sequence[Step],
    watcher: RunWatcher,
    *,
    motion: Motion | None = None,
    store: StageStore | None = None,
    base_key: str = "",
) -> ChainResult:
    """Run the steps in order; with a `store`, reuse the results that are in it and add the others.

    motion: what the first step works on; None if it begins with the video. base_key: the identity of the input, its
    time range and the program. Before any work is done, files of another video are refused, and networks that no stored
    result replaces are fetched, so that one that cannot be had is known. Steps that the motion does not need are left
    out. The chain ends early if there is nobody in the video.
    """
    times: list[StageTime] = []
    warnings: list[str] = []
    keys = list(itertools.accumulate(steps, lambda key, step: step.key(key, job.body), initial=base_key))[1:]
    pending = [s for s, key in zip(steps, keys, strict=True) if store is None or not store.holds(s.stage.name, key)]
    if job.video is not None and motion is None:
        for step in pending:
            step.stage.check(job.video, step.options)
    fetch([name for step in pending for name in step.stage.networks(step.options)], watcher)
    for step, key in zip(steps, keys, strict=True):
        stage = step.stage
        if motion is not None and not stage.needed(motion, step.options):
            continue
        result = store.find(stage.name, key) if store is not None else None
        reused = result is not None
        if result is None:
            fetch(stage.networks(step.options), watcher)
            result = _run(step, motion, job, watcher, store, key, warnings)
        motion, notes = result.motion, list(result.warnings)
        times.append(StageTime(stage.name, result.seconds, reused))
        watcher.done(times[-1])
        if step.then is not None:
            motion = step.then(motion, notes)
        for sentence in notes:
            warnings.append(sentence)
            watcher.note(sentence)
        if not motion.people:
            break
    if motion is None:
        raise UsageError("a chain of stages starts with the one that reads the video")
    return ChainResult(motion, times, warnings)


def _run(
    step: Step,
    motion: Motion | None,
    job: Job,
    watcher: RunWatcher,
    store: StageStore | None,
    key: str,
    shown: Sequence[str],
) -> StageResult:
    """Run one step and store its result. shown: notes that the user has already seen."""
    stage = step.stage
    partial = None if store is None else store.partial(stage.name, key)
    folder = None if store is None else store.arrays(stage.name, key)
    context = Context(job.body, job.video, watcher.start(stage.name), partial, folder)
    begin = time.perf_counter()
    moved = stage(motion, options=step.options, context=context)
    if stage.video and job.watch is not None:
        _check_input(job.watch, partial)
    read = [] if job.video is None else job.video.warnings
    notes = tuple(note for note in dict.fromkeys((*read, *context.notes)) if note not in shown)
    result = StageResult(moved, time.perf_counter() - begin, notes)
    if store is not None and not (job.watch is not None and job.watch.touched):
        store.keep(stage.name, key, result)
    if partial is not None:
        partial.forget()
    return result


def _check_input(watch: InputWatch, partial: PartialResult | None) -> None:
    """Raise InputError if the video has changed while a stage read it, and forget what the stage saved meanwhile."""
    try:
        watch.check()
    except InputError:
        if partial is not None:
            partial.forget()
        raise


def fetch(networks: Sequence[str], watcher: RunWatcher) -> None:
    """Ensure that the networks can be used, with progress if they must be fetched. Raises WeightsError."""
    missing = [name for name in dict.fromkeys(networks) if status(find_weights(name)).state != "ready"]
    if missing:
        with timed(watcher, "weights") as progress:
            for name in missing:
                locate(name, progress=progress)
