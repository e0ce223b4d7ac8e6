"""Converts a motion file to another format, with a list of the losses.

The row of a format in `kinema.formats.registry` states what it keeps (`keeps`: the fields of a person that can be read
back). The losses are recorded in the provenance, which Kinema's own formats store.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.body.loading import other_version
from kinema.errors import UsageError
from kinema.formats.foreign import NOTES
from kinema.formats.motion_files import infer_format, load_motion, save_motion, takes_units
from kinema.formats.registry import FORMATS, MotionFormat, check_suffix, format_by_suffix
from kinema.formats.report import WriteReport
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS

if TYPE_CHECKING:
    from kinema.body import BodyModel

_MADE_FROM = {"joints": ("pose", "betas", "transl"), "joints_world": ("pose_world", "betas", "transl_world")}
"""Fields that can be computed from others with the body model."""


def convert(
    source: str | Path,
    target: str | Path,
    *,
    source_format: str | None = None,
    target_format: str | None = None,
    fps: float | None = None,
    source_units: str | None = None,
    body: BodyModel | None = None,
    **options: Any,
) -> WriteReport:
    """Read `source` and write `target`, keeping everything that both formats hold. Returns the files written and the
    losses.

    source_format, target_format: names in `kinema.formats.formats()`; by default recognised from the contents and the
    suffix. fps: frame rate of a source that does not store one. source_units: unit of a BVH that is read. body: the
    model of the poses. options: those of the target's writer. Raises UsageError, InputError, OutputError.
    """
    source, target = Path(source), Path(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} would overwrite the source; name another file")
    entry = format_by_suffix(target) if target_format is None else FORMATS.find(target_format)
    if not entry.writes:
        raise UsageError(f"Kinema reads {entry.name} files but does not write them; choose another `target_format`")
    check_suffix(target, entry.name, entry.suffixes)  # under another name it could not be read again
    read = infer_format(source) if source_format is None else FORMATS.find(source_format)
    if source_units is not None and not takes_units(read):
        raise UsageError(f"{read.name} files are read without `source_units`; leave it out")
    motion = load_motion(source, format=read.name, fps=fps, units=source_units)
    report = WriteReport()
    for note in reading_notes(motion):
        report.notes.add(note)
    lost = losses(motion, entry)
    motion = motion.recorded("convert", {"file": source.name, "from": read.name, "to": entry.name, "lost": lost})
    for loss in lost:
        report.notes.add(loss)
    save_motion(motion, target, format=entry.name, body=body, report=report, **options)
    return report


def reading_notes(motion: Motion) -> tuple[str, ...]:
    """The reader's notes on another system's file (assumptions, conversions, omissions); for one of Kinema's own,
    whether it was written with an earlier free body."""
    older = other_version(motion)
    return (*motion.data.get(NOTES, ()), *(() if older is None else (older,)))


def losses(motion: Motion, entry: MotionFormat) -> list[str]:
    """Sentences on what a format cannot hold of this motion, as far as its row states."""
    if entry.lossless:
        if entry.name == "kinema-pkl" and not motion.people:
            return ["a .pkl without people keeps nothing of the clip; the .npz does"]
        return []
    if not entry.reads:  # such a row states in words what its files hold, instead of what can be read back
        return [f"{entry.name} files hold {entry.holds}; nothing else of the motion"]
    lost = []
    filled = {name for person in motion for name in person.filled}
    derived = {name for name, sources in _MADE_FROM.items() if set(sources) <= set(entry.keeps) & filled}
    gone = [name for name in sorted(filled) if name not in entry.keeps and name not in derived]
    if gone:
        lost.append(f"{entry.name} files do not hold {', '.join(gone)}")
    if motion.camera is not None and not {"camera"} & {*entry.keeps, *entry.takes}:  # a bvh's is in the .json beside it
        lost.append(f"{entry.name} files do not hold the camera")
    if motion.provenance and not entry.lossless:
        lost.append(f"{entry.name} files do not hold the provenance (what was done to the motion)")
    if not entry.timed and "rate" not in entry.keeps:
        lost.append(
            f"{entry.name} files do not store the frame rate ({motion.fps:.6g}); give it again when reading them"
        )
    if motion.people and not filled & {*WORLD_FIELDS, "pose"}:
        lost.append("nobody in this motion has a pose")
    return lost
