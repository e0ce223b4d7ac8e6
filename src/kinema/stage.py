"""The stage contract: what a stage declares, and what happens when it runs.

    fit_body = Stage(
        name="fit",
        title="fitting bodies",
        options=FitOptions,
        run="kinema.estimation.fitting:fit_people",
        requires=("keypoints", "keypoint_confidence"),
        fills=("pose", "betas", "transl", "joints", "reprojection_error"),
        body=True,
    )
    fitted = fit_body(motion, body, FitOptions(height=1.8))

A stage is a callable value that lives in its own package and names its code instead of importing it. The code is a
plain function run(motion, context, options) -> Motion, which reads and fills fields, reports progress and notes for the
user through the context, and writes no provenance: that is appended here, in the same way for every stage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from kinema.errors import UsageError
from kinema.motion import BODY_SHA256, Motion
from kinema.person import PERSON_FIELDS
from kinema.progress import Progress, silent
from kinema.registry import resolve

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.video import VideoReader


LEFT_OUT = "left out"
"""Beginning of the notes on tracks, or frames of them, that are dropped."""


class Partial(Protocol):
    """Where a long stage saves its intermediate results."""

    def load(self) -> dict[str, np.ndarray] | None: ...

    def save(self, arrays: dict[str, np.ndarray]) -> None: ...


@dataclass(eq=False)
class Context:
    """What a stage may use in addition to the motion, and where it reports what it did.

    body, video: None if there is none. folder: where a stage keeps arrays that are too large for memory and that its
    result refers to (`kinema.storage.stored`); None if the motion is not kept. progress: receives the stage's
    progress. partial: where a long stage saves intermediate results. notes: sentences that the user must see. facts:
    figures for the stage's record. weights: sha256 by name of the files that were used (the body's is added
    automatically).
    """

    body: BodyModel | None = None
    video: VideoReader | None = None
    progress: Progress = silent
    partial: Partial | None = None
    folder: Path | None = None
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)


T = TypeVar("T")


def given(value: T | None) -> T:
    """`value`, which the contract guarantees not to be None: for the type checker."""
    assert value is not None
    return value


@dataclass(frozen=True)
class Stage:
    """One stage, called as stage(motion, body, options, video=..., progress=...) -> Motion.

    name: in run.json, in the files of unfinished runs and in the provenance. title: for display ("fitting bodies").
    options: its options class, a frozen dataclass. run: its code, or "module:function". requires: fields that every
    person must have; fills: fields that it fills ("camera" is the motion's); clears: fields that its changes invalidate
    and that are emptied. networks: names in the weights hub of the networks that it runs with these options; files:
    sha256 by name of other files that determine its result. check: raises InputError for files that are not of the
    video, as far as is known before any stage of a run that begins with the video. body, video: whether it needs one;
    optional_body: whether it uses one if there is one. slow: whether its result is worth keeping for other runs of the
    same video.
    """

    name: str
    title: str
    options: type
    run: str | Callable[[Motion, Context, Any], Motion]
    requires: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    networks: Callable[[Any], Sequence[str]] = lambda options: ()
    files: Callable[[Any], Mapping[str, str]] = lambda options: {}
    check: Callable[[VideoReader, Any], None] = lambda video, options: None
    body: bool = False
    optional_body: bool = False
    video: bool = False
    slow: bool = False
    needed: Callable[[Motion, Any], bool] = lambda motion, options: True

    def __post_init__(self) -> None:
        known = {*PERSON_FIELDS, "camera"}
        wrong = [name for name in (*self.requires, *self.fills, *self.clears) if name not in known]
        if wrong:
            raise UsageError(f"stage {self.name}: a person has no field {wrong[0]}; known: {', '.join(sorted(known))}")

    def __call__(
        self,
        motion: Motion | None,
        body: BodyModel | None = None,
        options: Any = None,
        *,
        video: VideoReader | None = None,
        progress: Progress = silent,
        context: Context | None = None,
    ) -> Motion:
        """The motion with more fields filled and the stage's record appended.

        motion: None for a stage that creates one from the video. options: None for the defaults. context: in place of
        body, video and progress, for callers that read the stage's notes. Raises UsageError for a missing input, and
        whatever the stage's code raises.
        """
        options = self.options() if options is None else options
        context = Context(body, video, progress) if context is None else context
        for wanted, given in (("body", context.body), ("video", context.video)):
            if getattr(self, wanted) and given is None:
                raise UsageError(f"the stage {self.name} needs a {wanted}; pass one")
        if motion is None:
            if not self.video:
                raise UsageError(f"the stage {self.name} needs a motion; run the stage that reads the video first")
            motion = Motion(np.zeros(0), 0, 0)
        for person in motion:
            person.require(*self.requires)
        code = resolve(self.run) if isinstance(self.run, str) else self.run
        result: Motion = code(motion, context, options)
        arguments = dataclasses.asdict(options) | context.facts
        weights = self.body_weights(context.body) | context.weights
        if "betas" in self.fills and context.body is not None and result.body_model == context.body.name:
            result = result.replace(data={**result.data, BODY_SHA256: context.body.sha256})
        return result.replace(provenance=motion.provenance).recorded(self.name, arguments, weights)

    def body_weights(self, body: BodyModel | None) -> dict[str, str]:
        """sha256 by name of the body, if the stage uses one."""
        return {body.name: body.sha256} if body is not None and (self.body or self.optional_body) else {}
