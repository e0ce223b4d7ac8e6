"""Reads and writes motion files of any format: `load_motion`, `save_motion`, `infer_format`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import InputError, KinemaError, ShapeError, UsageError, quoted
from kinema.formats.containers import open_container
from kinema.formats.registry import FORMATS, MotionFormat, format_by_suffix
from kinema.motion import Motion

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.formats.report import WriteReport

_OWN = "kinema-"

NOT_MOTION = (
    (("dof_pos", "root_pos"), "holds a robot's motion (dof_pos); give the human motion that it was made from"),
    (("joints",), "holds joints without rotations; give a file with SMPL's pose, or a BVH"),
)
"""Keys of files that hold no person's motion, and what to do with them."""


def infer_format(path: str | Path) -> MotionFormat:
    """The format of the file, recognised from its contents. Raises InputError if none or several match."""
    path = Path(path)
    with open_container(path) as content:
        return _recognise(content, path)


def load_motion(
    path: str | Path, *, format: str | None = None, fps: float | None = None, units: str | None = None
) -> Motion:
    """Read a motion file, Kinema's own or another system's. Nothing in it is executed.

    format: its name in `formats()`; by default recognised from the contents. fps: frame rate of a file that does not
    store one (most other systems' files do not; 30 is then assumed, and the provenance says so). units: of a BVH, which
    does not store it, "m", "cm", "mm" or "in"; by default inferred from the length of the legs.
    Raises InputError (missing, truncated or malformed file, format not recognised or ambiguous),
    UnsafeFileError (the file asks for code to be run), UsageError (unknown `format`, impossible `fps`).
    """
    path = Path(path)
    entry = None if format is None else FORMATS.find(format)
    if entry is not None and not entry.reads:
        raise UsageError(f"{entry.name} files can be written, not read")
    if fps is not None and not is_rate(fps):
        raise UsageError(f"the frame rate must be {RATE_RANGE}, found {fps:g}; leave it out to take the file's own")
    try:
        with open_container(path) as content:
            if entry is None:
                entry = _recognise(content, path)
            reader = entry.load().read
            given: dict[str, Any] = {"fps": fps} if "fps" in signature(reader).parameters else {}
            if units is not None:
                if not takes_units(entry):
                    raise UsageError(f"{entry.name} files are read without `units`; leave it out")
                given["units"] = units
            return _read(entry, reader, content, path, given)
    except ShapeError as error:
        raise InputError(f"{path}: {error}") from None


def takes_units(entry: MotionFormat) -> bool:
    """Whether the reader of a format can be told the unit of lengths."""
    return "units" in signature(entry.load().read).parameters


def save_motion(
    motion: Motion,
    path: str | Path,
    *,
    format: str | None = None,
    body: BodyModel | None = None,
    vertices: bool = False,
    report: WriteReport | None = None,
    **options: Any,
) -> Path:
    """Write a motion atomically and return the path.

    format: its name in `formats()`; by default chosen by the suffix (.pkl, .npz). body: the model that the poses
    belong to; by default loaded by the name in `motion.body_model`. vertices: also write the posed mesh of every frame
    if the format can hold it (large: 80 kB per frame and person). report: filled with the files written and how they
    differ from the motion. options: those the format's row `takes`. Raises UsageError (unknown suffix,
    format or option), OutputError (disk full, folder not writable).
    """
    path = Path(path)
    entry = format_by_suffix(path) if format is None else FORMATS.find(format)
    if not entry.writes:
        raise UsageError(f"Kinema reads {entry.name} files but does not write them")
    unknown = [name for name in options if name not in entry.takes]
    if unknown:
        raise UsageError(f"{entry.name} files are written without {unknown[0]}; leave it out")
    if "report" in entry.takes:
        options["report"] = report
    if "vertices" in entry.takes:
        options["vertices"] = vertices
    written = entry.load().write(motion, path, body=body, **options)
    if report is not None and not report.paths:
        report.paths.append(written)
    result: Path = written
    return result


def _read(
    entry: MotionFormat, reader: Callable[..., Motion], content: Mapping[Any, Any], path: Path, given: dict[str, Any]
) -> Motion:
    """What the reader makes of the opened file; InputError where it fails on a file of another format."""
    try:
        return reader(content, path, **given)
    except KinemaError:
        raise
    except Exception as error:  # a named format's reader meets contents that it does not recognise, and may fail anyhow
        if entry.load().recognises(content):
            raise
        raise InputError(
            f"{path} is not a file of {entry.name} (it holds {_held(content)}); leave out `format` to have its format"
            " recognised"
        ) from error


def _held(content: Mapping[Any, Any]) -> str:
    return ", ".join(quoted(key) for key in list(content)[:8]) or "nothing"


def _recognise(content: Mapping[Any, Any], path: Path) -> MotionFormat:
    """The one format that recognises the opened file."""
    found = [f for f in FORMATS if f.reads and f.load().recognises(content)]
    own = [f for f in found if f.name.startswith(_OWN)]
    if len(own) == 1 or len(found) == 1:
        return (own or found)[0]
    if found:
        names = " or ".join(f.name for f in found)
        raise InputError(f"{path} could be a file of {names}; set `format` to one of them")
    for needed, reason in NOT_MOTION:
        if all(key in content for key in needed):
            raise InputError(f"{path} {reason}")
    raise InputError(
        f"{path} is not a motion file that Kinema knows (it holds {_held(content)}); see docs/file-formats.md"
    )
