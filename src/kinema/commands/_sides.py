"""The two sides of a comparison: each a motion file, a run's folder, or an estimator that is run on the clip.

An estimator may be followed by options of `kinema run`, all in one argument: "nlf --nlf nlf_s_multi.torchscript".
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands._options import add_settings
from kinema.commands._parser import Parser
from kinema.errors import UsageError

if TYPE_CHECKING:
    from kinema.motion import Motion
    from kinema.pipeline import RunOptions

_LONG = 24
"""Characters of a name that fit over half of an image, and into a legend."""


@dataclass(frozen=True)
class Side:
    """What was given for one side. words: of an estimator, its name and the options of a run; none for a file."""

    given: str
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: str) -> Side:
        """Raises UsageError for quotes that do not end."""
        from kinema.estimation.registry import ESTIMATORS

        if Path(given).exists():
            return cls(given)
        try:
            words = tuple(shlex.split(given))
        except ValueError as error:
            raise UsageError(f"{given!r} cannot be read as options ({error}); check its quotes") from None
        known = {*ESTIMATORS.names(), *ESTIMATORS.aliases}
        return cls(given, words) if words and words[0] in known else cls(given)

    def loaded(self, args: argparse.Namespace) -> Motion:
        """The motion of the file."""
        from kinema.formats import load_motion, motion_file

        return load_motion(motion_file(Path(self.given)), fps=args.fps)

    def options(self, args: argparse.Namespace) -> RunOptions:
        """Those of the estimator's run. Raises UsageError if there is no video to run it on."""
        from kinema.pipeline import RunOptions

        if args.video is None:
            raise UsageError(f"the estimator {self.words[0]} needs the clip; give it with `video`")
        shared = {name: getattr(args, name) for name in (*shared_settings(), "body_model")}
        return RunOptions.of(**(shared | self._settings(args) | {"estimator": self.words[0], "overlay": False}))

    def _settings(self, args: argparse.Namespace) -> dict[str, Any]:
        """Those of the options after the estimator's name; their flags join those of the command, for its messages."""
        from kinema.pipeline.options import public_settings

        known = public_settings()
        parser = Parser(prog="kinema run", add_help=False)
        add_settings(parser, [each.setting for each in known.values()])
        found = parser.parse_args(self.words[1:])
        args.flags = {**found.flags, **args.flags}
        return {name: value for name in known if (value := getattr(found, name)) is not None}


def motions_of(sides: Sequence[Side], args: argparse.Namespace) -> list[Motion]:
    """The motions of the files, and what the estimators make of the video in the arguments of the command.

    Files are read, and the weights of the second estimator are checked, before the first one runs, which may take
    hours. Raises what reading and running raise.
    """
    from kinema.pipeline import require_runnable
    from kinema.pipeline import run as run_pipeline
    from kinema.pipeline.running import OUT
    from kinema.pipeline.showing import watcher

    options = {number: side.options(args) for number, side in enumerate(sides) if side.words}
    found = {number: side.loaded(args) for number, side in enumerate(sides) if not side.words}
    for later in list(options.values())[1:]:
        require_runnable(args.video, later)
    for number, wanted in options.items():
        with watcher(quiet=args.quiet or args.json, flags=args.flags) as shown:
            found[number] = run_pipeline(args.video, OUT, wanted, watcher=shown).motion
    return [found[number] for number in range(len(sides))]


def shared_settings() -> tuple[str, ...]:
    """Settings of a run that the command itself takes, for both sides: where the weights of estimators are."""
    from kinema.estimation.registry import ESTIMATORS

    return tuple(dict.fromkeys(name for row in ESTIMATORS for name in row.files or ()))


def names_of(first: Side, second: Side) -> tuple[str, str]:
    """Short names of the two: files' own, with their folders where these are equal; estimators', with the options in
    which they differ; of long ones the words in which they differ."""
    if first.words[:1] == second.words[:1] != ():
        names = [_differing(first, second), _differing(second, first)]
    else:
        names = [side.words[0] if side.words else Path(side.given).resolve().name for side in (first, second)]
    if names[0] == names[1] and not (first.words or second.words):
        parents = (Path(side.given).resolve().parent.name for side in (first, second))
        names = [f"{parent}/{name}" for parent, name in zip(parents, names, strict=True)]
    if max(map(len, names)) > _LONG:
        words = [name.split("_") for name in names]
        alike = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(*words, strict=False)))
        names = ["_".join(each[min(alike, len(each) - 1) :]) for each in words]
    return ("A", "B") if names[0] == names[1] else (names[0], names[1])


def _differing(side: Side, other: Side) -> str:
    """An estimator's options that the other side lacks, files by their names; its own name if there are none."""
    own, others = _options(side.words[1:]), _options(other.words[1:])
    return (
        " ".join(Path(word).name.lstrip("-") for option in own if option not in others for word in option)
        or (side.words[0])
    )


def _options(words: Sequence[str]) -> list[list[str]]:
    """Each flag with what follows it."""
    found: list[list[str]] = []
    for word in words:
        if word.startswith("-") or not found:
            found.append([])
        found[-1].append(word)
    return found
