"""Parsing BVH files of any origin: the skeleton and the values of its channels, validated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.errors import InputError, quoted
from kinema.storage.budget import Budget, Malformed
from kinema.storage.fields import LARGEST, rate
from kinema.storage.text_lines import next_line

MAX_BYTES = 2**31
MAX_JOINTS = 2000
MAX_DEPTH = 200
FRAME_MEMORY = 3000
"""Bytes that a frame takes as a person on the free body, besides the values of its channels."""

_POSITIONS = ("Xposition", "Yposition", "Zposition")
_ROTATIONS = ("Xrotation", "Yrotation", "Zrotation")


@dataclass(frozen=True, eq=False)
class BvhFile:
    """A skeleton of J joints over F frames, in the file's units and axes.

    names, parents (J,), -1 for the root; offsets (J,3) from the parent; ends: offset of the end site by joint;
    channels: names of each joint's channels in order; frame_time seconds; values (F,C), rotations in degrees.
    """

    names: tuple[str, ...]
    parents: np.ndarray
    offsets: np.ndarray
    ends: dict[int, np.ndarray]
    channels: tuple[tuple[str, ...], ...]
    frame_time: float
    values: np.ndarray

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
    """Read a BVH file. Raises InputError: not a BVH, broken hierarchy, wrong number of values, too large."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**30} GB; cut it into pieces")
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return _Parser(path, file, size).file()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None


class _Parser:
    def __init__(self, path: Path, lines: TextIO, size: int) -> None:
        self.path, self.lines, self.size = path, lines, size
        self.number = 0
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[np.ndarray] = []
        self.channels: list[tuple[str, ...]] = []
        self.ends: dict[int, np.ndarray] = {}

    def fail(self, what: str) -> InputError:
        return InputError(f"{self.path}, line {self.number}: {what}")

    def line(self) -> list[str]:
        """The words of the next line that is not empty."""
        while text := next_line(self.lines, self.path, self.number + 1):
            self.number += 1
            words = text.split()
            if words:
                return words
        raise InputError(f"{self.path} ends after line {self.number} ; it was cut off")

    def file(self) -> BvhFile:
        if self.line()[0] != "HIERARCHY":
            raise self.fail("a BVH file starts with HIERARCHY")
        self._hierarchy()
        words = self.line()
        if words[0] != "Frames:" or len(words) != 2:
            raise self.fail("expected 'Frames: <number>'")
        frames = self._numbers(words[1:], 1)[0]
        words = self.line()
        if words[:2] != ["Frame", "Time:"] or len(words) != 3:
            raise self.fail("expected 'Frame Time: <seconds>'")
        frame_time = self._numbers(words[2:], 1)[0]
        width = sum(map(len, self.channels))
        if frames != round(frames) or frames < 1:
            raise self.fail(f"the number of frames must be positive, found {frames:g}")
        if not frame_time > 0:
            raise self.fail(f"the frame time must be positive, found {frame_time:g}")
        rate(1 / frame_time if frame_time > 1e-300 else 1e300, "its frame rate", str(self.path))
        if 2 * frames * width > self.size:
            raise InputError(f"{self.path} declares {frames:g} frames of {width} values, more than fit in it")
        try:
            Budget(self.size).charge(int(frames) * (FRAME_MEMORY + 8 * width))
        except Malformed:
            raise InputError(
                f"{self.path} has {frames:g} frames of {width} values, which need far more memory than its size"
                " justifies; cut it into pieces"
            ) from None
        values = np.empty((int(frames), width))
        for row in values:
            row[:] = self._numbers(self.line(), width)
        return BvhFile(
            names=tuple(self.names),
            parents=np.array(self.parents),
            offsets=np.array(self.offsets),
            ends=self.ends,
            channels=tuple(self.channels),
            frame_time=float(frame_time),
            values=values,
        )

    def _hierarchy(self) -> None:
        """ROOT, JOINTs and End Sites up to the word MOTION; a brace may follow the name on its line."""
        stack: list[int | None] = []  # None: an end site
        pending: int | None = None
        opened = False
        while True:
            words = self.line()
            while words:
                word, words = words[0], words[1:]
                if word == "MOTION":
                    if stack or not self.names:
                        raise self.fail("MOTION comes before the last brace is closed")
                    return
                if word in ("ROOT", "JOINT"):
                    pending, words = self._joint(word, words, stack), []
                    opened = True
                    if self.braced:
                        stack.append(pending)
                        opened = False
                elif word == "End" and stack and stack[-1] is not None:
                    pending, opened, words = None, True, words[1:]
                elif word == "{" and opened:
                    stack.append(pending)
                    opened = False
                    if len(stack) > MAX_DEPTH:
                        raise self.fail(f"joints are nested more than {MAX_DEPTH} deep")
                elif word == "}" and stack:
                    stack.pop()
                elif word == "OFFSET" and stack:
                    self._offset(stack, self._numbers(words[:3], 3))
                    words = words[3:]
                elif word == "CHANNELS" and stack and stack[-1] is not None:
                    self._channels(stack[-1], words)
                    words = []
                else:
                    raise self.fail(f"{quoted(word)} has no place here")

    def _joint(self, word: str, words: list[str], stack: list[int | None]) -> int:
        self.braced = bool(words) and words[-1] == "{"
        name = " ".join(words[:-1] if self.braced else words)
        if (word == "ROOT") != (not self.names) or (word == "JOINT" and not stack):
            raise self.fail("only a BVH of one root, with every other joint below it, can be read")
        if len(self.names) >= MAX_JOINTS:
            raise self.fail(f"it has more than {MAX_JOINTS} joints")
        if not name or name in self.names:
            raise self.fail(f"the name of joint {quoted(name)} is missing or used twice")
        parent = stack[-1] if stack else -1
        if parent is None:
            raise self.fail("an end site must not have joints below it")
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

    def _channels(self, joint: int, words: list[str]) -> None:
        if not words or words[0] != str(len(words) - 1):
            raise self.fail("CHANNELS must be followed by their number and names")
        known = {name.lower(): name for name in (*_POSITIONS, *_ROTATIONS)}
        named = [known.get(word.lower(), "") for word in words[1:]]
        if "" in named or len(set(named)) != len(named):
            raise self.fail(f"CHANNELS may be {', '.join((*_POSITIONS, *_ROTATIONS))}, each once")
        self.channels[joint] = tuple(named)

    def _numbers(self, words: list[str], count: int) -> list[float]:
        if len(words) != count:
            raise self.fail(f"{len(words)} values where {count} are needed")
        try:
            values = list(map(float, words))
        except ValueError:
            raise self.fail("a value is not a number") from None
        if not np.all(np.isfinite(values)):
            raise self.fail("a value is not finite")
        if max(map(abs, values)) > LARGEST:
            raise self.fail(f"a value is beyond {LARGEST:g}")
        return values
