"""Parsing BVH files of any origin: the skeleton and the values of its channels, validated.

Programs differ in what they write: keywords in lower case, rows wrapped over lines, more or fewer rows than declared,
duplicate names, decimal commas. All of that is read; the notes state the assumptions.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.errors import InputError, quoted
from kinema.formats.bvh_lines import Lines, encoding_of
from kinema.storage.budget import Budget, Malformed
from kinema.storage.fields import rate
from kinema.storage.unreadable import unreadable

MAX_BYTES = 2**31
MAX_JOINTS = 2000
MAX_DEPTH = 200
FRAME_MEMORY = 3000
"""Bytes of a frame as a person on the free body, besides the values of its channels."""

_POSITIONS = ("Xposition", "Yposition", "Zposition")
_ROTATIONS = ("Xrotation", "Yrotation", "Zrotation")
_SCALES = ("Xscale", "Yscale", "Zscale")
_CHANNELS = {name.lower(): name for name in (*_POSITIONS, *_ROTATIONS, *_SCALES)}

SLOWEST = 5.0
"""Seconds: larger values cannot be frame times; some programs write the rate instead."""

_FRAMES = re.compile(r"frames\s*:?\s*([^\s:]+)(\s.*)?", re.IGNORECASE)
_FRAME_TIME = re.compile(r"frame\s*time\s*:?\s*([^\s:]*)(\s.*)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class BvhFile:
    """A skeleton of J joints over F frames, in the file's units and axes.

    names, parents (J,), -1 for the root; offsets (J,3) from the parent; ends: offset of the end site by joint;
    channels: names of each joint's channels in order; frame_time seconds, None if the file has no plausible one; values
    (F,C), rotations in degrees. notes: what was assumed.
    """

    names: tuple[str, ...]
    parents: np.ndarray
    offsets: np.ndarray
    ends: dict[int, np.ndarray]
    channels: tuple[tuple[str, ...], ...]
    frame_time: float | None
    values: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def columns(self, joint: int) -> tuple[int, tuple[str, ...]]:
        """First column of a joint's channels, and their names."""
        return sum(len(channels) for channels in self.channels[:joint]), self.channels[joint]

    def rotation(self, joint: int, rows: slice = slice(None)) -> np.ndarray:
        """(n,3,3) rotation of a joint relative to its parent, in the order of its channels."""
        first, names = self.columns(joint)
        rotations = [(name[0], column) for column, name in enumerate(names, start=first) if name in _ROTATIONS]
        if not rotations:
            return np.broadcast_to(np.eye(3), (len(self.values[rows]), 3, 3))
        order = "".join(axis for axis, _ in rotations)
        angles = np.array(self.values[rows][:, [column for _, column in rotations]])
        if len(set(order)) == len(order):
            matrices = Rotation.from_euler(order, angles, degrees=True).as_matrix()
            return np.asarray(matrices).reshape(-1, 3, 3)
        raise InputError(f"joint {self.names[joint]} rotates twice about one axis; BVH readers disagree on its meaning")


def parse_bvh(path: str | Path) -> BvhFile:
    """Read a BVH file. Raises InputError for another or too large a file, a broken hierarchy or rows that do not
    fit."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**30} GB; cut it into pieces")
        with path.open(encoding=encoding_of(path), errors="replace") as file:
            return _Parser(Lines(path, file), size).file()
    except OSError as error:
        raise unreadable(path, error) from None
    except UnicodeError:
        raise InputError(f"{path} is not a BVH file: it is not text") from None


class _Parser:
    def __init__(self, lines: Lines, size: int) -> None:
        self.lines, self.path, self.size = lines, lines.path, size
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[np.ndarray] = []
        self.channels: list[tuple[str, ...]] = []
        self.ends: dict[int, np.ndarray] = {}

    def file(self) -> BvhFile:
        if self.lines.words()[0].upper() != "HIERARCHY":
            raise self.lines.fail("a BVH file starts with HIERARCHY")
        self._hierarchy()
        self._unique_names()
        promised, frame_time = self._counts()
        width = sum(map(len, self.channels))
        values = self._rows(width, promised)
        if scaled := [name for name, used in zip(self.names, self.channels, strict=True) if set(used) & set(_SCALES)]:
            self.lines.notes[f"the scale of {', '.join(quoted(name, mark='') for name in scaled[:3])} was left out"] = (
                None
            )
        return BvhFile(
            names=tuple(self.names),
            parents=np.array(self.parents),
            offsets=np.array(self.offsets),
            ends=self.ends,
            channels=tuple(self.channels),
            frame_time=frame_time,
            values=values,
            notes=tuple(self.lines.notes),
        )

    def _counts(self) -> tuple[int | None, float | None]:
        """The declared number of frames, and the frame time; None if there is none."""
        promised, text = None, self.lines.next()
        if text is not None and (found := _FRAMES.fullmatch(text)):
            (number,) = self.lines.count(found[1], 1)
            if number != round(number) or number < 0:
                raise self.lines.fail(f"the number of frames must be positive, found {number:g}")
            promised, text = int(number), self.lines.next()
        if text is None:
            raise InputError(f"{self.path} ends after its skeleton; it holds no motion")
        if promised is not None and self.lines.begins_with_number(text):
            self.lines.back(text)
            return promised, None
        if not (found := _FRAME_TIME.fullmatch(text)):
            wanted = "'Frame Time: <seconds>'" if promised is not None else "'Frames: <number>'"
            raise self.lines.fail(f"expected {wanted}")
        if not found[1] or found[1].lower() in ("nan", "inf"):
            return promised, None
        (frame_time,) = self.lines.count(found[1], 1)
        if frame_time < 0:
            raise self.lines.fail(f"the frame time must be positive, found {frame_time:g}")
        if frame_time == 0 or frame_time > SLOWEST:
            self.lines.notes[f"a frame time of {frame_time:g} seconds was left out"] = None
            return promised, None
        rate(1 / frame_time if frame_time > 1e-300 else 1e300, "its frame rate", str(self.path))
        return promised, frame_time

    def _rows(self, width: int, promised: int | None) -> np.ndarray:
        """(F,C) the values of all frames: one row per line, or wrapped over several lines that end with the frame."""
        lines, budget = self.lines, Budget(self.size)
        values, charged = array("d"), 0
        if not width:
            raise InputError(f"{self.path} has a skeleton without channels; it holds no motion")
        while (text := lines.next()) is not None:
            if not lines.begins_with_number(text) and len(values) % width == 0 and len(values):
                lines.notes["text after the last frame was left out"] = None
                break
            before = len(values) % width
            try:
                row = lines.numbers(text)
            except InputError:
                if lines.whole or len(values) < width:
                    raise
                break  # the file was cut off within a number
            if before + len(row) > width:
                raise lines.fail(f"{len(row)} values where {width - before} are needed")
            values.extend(row)
            if len(values) // width > charged:
                charged += 1
                try:
                    budget.charge(FRAME_MEMORY + 8 * width)
                except Malformed:
                    raise InputError(
                        f"{self.path} has more than {charged} frames of {width} values, which need far more memory than"
                        " its size justifies; cut it into pieces"
                    ) from None
        return self._complete(np.frombuffer(values) if values else np.zeros(0), width, promised)

    def _complete(self, values: np.ndarray, width: int, promised: int | None) -> np.ndarray:
        """Whole rows (F,C), and notes on differences from the declared number."""
        frames, rest = divmod(len(values), width)
        if rest and promised is not None and frames >= promised:
            self.lines.notes["an incomplete row after the last frame was left out"] = None
        if not rest and frames and promised is not None and frames < promised and not self.lines.whole:
            frames -= 1  # its last number may be cut, too
        if not frames:
            raise InputError(f"{self.path} ends after line {self.lines.number}; it was cut off before its first frame")
        if promised is not None and frames != promised:
            cut = "; it was cut off" if frames < promised else ""
            self.lines.notes[f"the file promises {promised} frames and holds {frames}{cut}"] = None
        return values[: frames * width].reshape(frames, width).copy()

    def _unique_names(self) -> None:
        """Joints that share a name are prefixed with their parent's name, then numbered."""
        seen: dict[str, int] = {}
        for joint, name in enumerate(self.names):
            if name not in seen:
                seen[name] = joint
                continue
            base = f"{self.names[self.parents[joint]]}/{name}" if self.parents[joint] >= 0 else name
            number, fresh = 2, base
            while fresh in seen:
                fresh, number = f"{base}.{number}", number + 1
            seen[fresh] = joint
            self.names[joint] = fresh
            self.lines.notes["several joints have the same name; they were told apart by their places"] = None

    def _hierarchy(self) -> None:
        """ROOT, JOINTs and End Sites up to the word MOTION; a brace may follow the name on its line."""
        stack: list[int | None] = []  # None: an end site
        pending: int | None = None
        opened = False
        while True:
            words = self.lines.words()
            while words:
                word, words = words[0], words[1:]
                kind = word.upper()
                if kind == "MOTION":
                    if stack or not self.names:
                        raise self.lines.fail("MOTION comes before the last brace is closed")
                    return
                if kind in ("ROOT", "JOINT"):
                    pending, words = self._joint(kind, words, stack), []
                    opened = True
                    if self.braced:
                        stack.append(pending)
                        opened = False
                elif kind in ("END", "ENDSITE") and stack and stack[-1] is not None:
                    braced = bool(words) and words[-1] == "{"
                    pending, opened, words = None, not braced, []
                    if braced:
                        stack.append(None)
                elif word == "{" and opened:
                    stack.append(pending)
                    opened = False
                    if len(stack) > MAX_DEPTH:
                        raise self.lines.fail(f"joints are nested more than {MAX_DEPTH} deep")
                elif word == "}" and stack:
                    stack.pop()
                elif kind == "OFFSET" and stack:
                    self._offset(stack, self.lines.count(" ".join(words[:3]), 3))
                    words = words[3:]
                elif kind == "CHANNELS" and stack:
                    words = self._channels(stack[-1], words)
                else:
                    raise self.lines.fail(f"{quoted(word)} has no place here")

    def _joint(self, kind: str, words: list[str], stack: list[int | None]) -> int:
        name = " ".join(words)
        self.braced = name.endswith("{")
        name = name.removesuffix("{").rstrip()
        if (kind == "ROOT") != (not self.names) or (kind == "JOINT" and not stack):
            raise self.lines.fail(
                "only a BVH of one root, with every other joint below it, can be read; cut it into files"
            )
        if len(self.names) >= MAX_JOINTS:
            raise self.lines.fail(f"it has more than {MAX_JOINTS} joints")
        if not name:
            raise self.lines.fail("the name of a joint is missing")
        parent = stack[-1] if stack else -1
        if parent is None:
            raise self.lines.fail("an end site must not have joints below it")
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append(np.zeros(3))
        self.channels.append(())
        return len(self.names) - 1

    def _offset(self, stack: list[int | None], values: list[float]) -> None:
        joint = stack[-1]
        if joint is not None:
            self.offsets[joint] = np.array(values)
        elif (above := stack[-2]) is not None:  # an end site lies in a joint
            self.ends[above] = np.array(values)

    def _channels(self, joint: int | None, words: list[str]) -> list[str]:
        """The channels of a joint, whose names may continue on further lines; returns the words after them."""
        if not words or not words[0].isascii() or not words[0].isdigit():
            raise self.lines.fail("CHANNELS must be followed by their number and names")
        count, names = int(words[0][:6]), words[1:]
        while len(names) < count <= len(_CHANNELS):
            more = self.lines.words()
            if more[0].lower() not in _CHANNELS:
                raise self.lines.fail("CHANNELS must be followed by their number and names")
            names += more
        named = [_CHANNELS.get(name.lower(), "") for name in names[:count]]
        if len(named) != count or "" in named or len(set(named)) != len(named):
            raise self.lines.fail(f"CHANNELS may be {', '.join((*_POSITIONS, *_ROTATIONS))}, each once")
        if joint is not None and count:
            self.channels[joint] = tuple(named)
        if len(names) > count and names[count].lower() in _CHANNELS:
            raise self.lines.fail("CHANNELS must be followed by their number and names")
        return names[count:]
