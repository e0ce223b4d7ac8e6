"""Whole chains on clips, of which tracking is kept in a folder, since it takes most of the time."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinema.body import BodyModel, load_body
from kinema.motion import Motion
from kinema.pipeline import RunOptions
from kinema.pipeline.keys import code_identity, digest, input_identity
from kinema.pipeline.stages import Step, chain
from kinema.pipeline.store import StageResult, StageStore
from kinema.pipeline.threads import one_blas_thread
from kinema.stage import Context
from kinema.tracking import track_people
from kinema.video import VideoReader, open_video

SEEING = ("video", "detection", "keypoints", "tracking", "models", "geometry", "temporal")
"""Packages whose code decides what tracking finds; a change of another leaves what is kept as it is."""

SAMPLE = 0.6
"""Seconds of a clip on which the speed of tracking is measured."""


@dataclass(frozen=True)
class Chain:
    """A row of a table: a name, the settings of `kinema run` by their public names, and single options of the fit and
    its solver."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)
    solver: Mapping[str, Any] = field(default_factory=dict)

    def options(self) -> RunOptions:
        options = RunOptions.of(**{"overlay": False, **self.settings})
        solver = dataclasses.replace(options.fit.solver, **self.solver)
        return dataclasses.replace(options, fit=dataclasses.replace(options.fit, solver=solver, **self.fit))


@dataclass(frozen=True, eq=False)
class Kept:
    """The folder of what was tracked before, and what happens meanwhile on stderr. made: results of this process, by
    clip and name of the chain."""

    folder: Path
    made: dict[tuple[Path, str], Motion] = field(default_factory=dict)

    def result(self, clip: Path, how: Chain) -> Motion:
        """The motion of the whole chain, without people if nobody was found."""
        if (clip, how.name) not in self.made:
            self.made[clip, how.name] = self._result(clip, how)
        return self.made[clip, how.name]

    @one_blas_thread
    def _result(self, clip: Path, how: Chain) -> Motion:
        body = load_body()
        steps = chain(how.options())
        with open_video(clip) as video:
            motion = self._tracked(clip, how, steps[0], body, video)
            for step in steps[1:]:
                if motion.people and step.stage.needed(motion, step.options):
                    motion = step.stage(motion, options=step.options, context=Context(body, video))
                    motion = motion if step.then is None else step.then(motion, [])
        return motion

    def tracked(self, clip: Path, how: Chain) -> Motion:
        """What tracking finds, as the chain's first stage gives it."""
        body = load_body()
        with open_video(clip) as video:
            return self._tracked(clip, how, chain(how.options())[0], body, video)

    def tracking_rate(self, clip: Path, how: Chain) -> float:
        """Frames for each second of a core's time that tracking takes, decoding included, measured now."""
        options = dataclasses.replace(how.options().tracking, threads=1)
        rates = []
        for _ in range(2):  # the first one loads the networks
            with open_video(clip, start=None, end=SAMPLE) as video:
                begin = time.process_time()
                motion = track_people(video, options)
                rates.append(motion.num_frames / (time.process_time() - begin))
        return rates[-1]

    def _tracked(self, clip: Path, how: Chain, step: Step, body: BodyModel, video: VideoReader) -> Motion:
        key = digest(input_identity(clip), code_identity(*SEEING), *step.identity(body))
        store = StageStore(self.folder / clip.stem)
        found = store.find(step.stage.name, key)
        if found is None:
            begin = time.perf_counter()
            motion = step.stage(None, options=step.options, context=Context(body, video, said(clip, how)))
            found = StageResult(motion, time.perf_counter() - begin)
            store.keep(step.stage.name, key, found)
        return found.motion


def said(clip: Path, how: Chain) -> Any:
    """Progress as one line that is written again, on a terminal, and one line a clip elsewhere."""
    if not sys.stderr.isatty():
        print(f"tracking {clip.stem}, {how.name}", file=sys.stderr, flush=True)
        return lambda done, total: None

    def show(done: int, total: int | None) -> None:
        print(f"\rtracking {clip.stem}, {how.name}: {done}/{total or '?'} ", end="", file=sys.stderr, flush=True)

    return show
