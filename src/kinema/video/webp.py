"""Animated WebP, which FFmpeg does not decode: composes the images from its parts.

A WebP file is a RIFF file. An animation is a canvas and a list of parts (`ANMF`), each with its position on the canvas,
its duration, and an image in a WebP file's own chunks, which OpenCV decodes (WebP Container Specification, RFC 9649).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.video.frames import Frame, TimeRange, VideoReader
from kinema.video.options import VideoOptions
from kinema.video.orientation import UPRIGHT, Orientation, clockwise
from kinema.video.rates import true_rate

# Browsers show parts of no duration for this long.
_SHORTEST, _DEFAULT_DURATION = 0.011, 0.1
_LARGEST_PART = 1 << 28
_MOST_PARTS = 100_000


@dataclass(frozen=True)
class _Part:
    """One part. offset, length: of its chunks in the file. x, y, width, height: its area. blend: whether it is
    composited over the canvas instead of replacing it. dispose: whether its area is cleared afterwards."""

    offset: int
    length: int
    x: int
    y: int
    width: int
    height: int
    duration: float
    blend: bool
    dispose: bool


@dataclass
class AnimatedWebp(VideoReader):
    """An animated WebP file, played once. Made by `AnimatedWebp.open`."""

    parts: tuple[_Part, ...] = ()
    canvas: tuple[int, int] = (0, 0)
    orientation: Orientation = UPRIGHT

    @classmethod
    def open(cls, path: Path, time_range: TimeRange, options: VideoOptions | None = None) -> AnimatedWebp:
        """Read the list of parts. Raises InputError if there are none, or more pixels than a video may have."""
        options = options or VideoOptions()
        with path.open("rb") as file:
            canvas, parts = _read_parts(file)
        if not parts:
            raise InputError(f"no image of {path} can be read; the file is empty or corrupt, copy it again")
        turned = clockwise(options.rotate)
        width, height = turned.size(*canvas)
        durations = [part.duration for part in parts]
        played = len(parts) / sum(durations)
        rate = true_rate(options, 1 / float(np.median(durations)), None, has_audio=False)
        reader = cls(
            path=path,
            width=width,
            height=height,
            fps=played * rate.slow_motion,
            num_frames_estimate=None,
            time_range=time_range,
            metadata={"duration": sum(durations) / rate.slow_motion, "codec": "webp", "has_audio": False},
            slow_motion=rate.slow_motion,
            time_source=rate.source,
            parts=parts,
            canvas=canvas,
            orientation=turned,
        )
        reader.num_frames_estimate = sum(reader._shown(time) for time in reader._starts())
        if reader.num_frames_estimate == 0:
            raise InputError(
                f"no frame lies in the time range {time_range} of {path}, which is {sum(durations):.2f} s long"
            )
        return reader

    def _starts(self) -> Iterator[float]:
        time = 0.0
        for part in self.parts:
            yield time
            time += part.duration

    def _shown(self, time: float) -> bool:
        return not self.time_range.before(time) and not self.time_range.after(time)

    def __iter__(self) -> Iterator[Frame]:
        canvas = np.zeros((self.canvas[1], self.canvas[0], 4), np.uint8)
        index = broken = 0
        with self.path.open("rb") as file:
            for time, part in zip(self._starts(), self.parts, strict=True):
                if self.time_range.after(time):
                    break
                pixels = _image(file, part)
                place = canvas[part.y : part.y + part.height, part.x : part.x + part.width]
                if pixels is None or pixels.shape != place.shape:
                    broken += 1
                    self.warn(f"image {self.parts.index(part) + 1} of the animation cannot be decoded")
                    continue
                place[:] = _over(pixels, place) if part.blend else pixels
                if self._shown(time):
                    image = cv2.cvtColor(canvas, cv2.COLOR_BGRA2RGB)
                    turned = np.empty((self.height, self.width, 3), np.uint8)
                    yield Frame(index, time / self.slow_motion, self.orientation.apply(image, turned))
                    index += 1
                if part.dispose:
                    place[:] = 0
        if index == 0:
            raise InputError(f"no image of {self.path} can be decoded; the file is corrupt, copy it again")


def _over(image: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`image` (H, W, 4) BGRA composited over `below`; neither is premultiplied."""
    above, under = image[..., 3:] / 255, below[..., 3:] / 255
    alpha = above + under * (1 - above)
    colour = image[..., :3] * above + below[..., :3] * under * (1 - above)
    mixed = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    laid: np.ndarray = np.rint(np.concatenate([mixed, 255 * alpha], axis=-1)).astype(np.uint8)
    return laid


def _image(file: BinaryIO, part: _Part) -> np.ndarray | None:
    """(H, W, 4) BGRA of one part; None if it is corrupt."""
    file.seek(part.offset)
    chunks = file.read(part.length)
    if len(chunks) < part.length:
        return None
    flags = 0x10 if chunks[:4] == b"ALPH" else 0
    size = (part.width - 1).to_bytes(3, "little") + (part.height - 1).to_bytes(3, "little")
    header = struct.pack("<4sIB3x", b"VP8X", 10, flags) + size if flags else b""
    body = b"WEBP" + header + chunks
    data = np.frombuffer(b"RIFF" + struct.pack("<I", len(body)) + body, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if image is None or image.ndim != 3:
        return None
    return image if image.shape[2] == 4 else cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)


def _read_parts(file: BinaryIO) -> tuple[tuple[int, int], tuple[_Part, ...]]:
    """The size of the canvas (width, height), and the parts that lie on it."""
    file.seek(12)
    canvas = (0, 0)
    parts: list[_Part] = []
    for _ in range(_MOST_PARTS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack("<4sI", head)
        start = file.tell()
        data = file.read(min(length, 16))
        if name == b"VP8X" and len(data) >= 10:
            canvas = 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
        elif name == b"ANMF" and len(data) == 16 and length <= _LARGEST_PART:
            x, y, width, height, milliseconds = (int.from_bytes(data[i : i + 3], "little") for i in range(0, 15, 3))
            duration = milliseconds / 1000
            part = _Part(
                offset=start + 16,
                length=length - 16,
                x=2 * x,
                y=2 * y,
                width=width + 1,
                height=height + 1,
                duration=duration if duration >= _SHORTEST else _DEFAULT_DURATION,
                blend=not data[15] & 2,
                dispose=bool(data[15] & 1),
            )
            if part.x + part.width <= canvas[0] and part.y + part.height <= canvas[1]:
                parts.append(part)
        file.seek(start + length + length % 2)
    return canvas, tuple(parts)
