"""Clips with known content: every frame carries its own number as black and white blocks."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

BITS = 12
TURNED = {0: 0, 90: -1, 180: 2, 270: 1}
"""Degrees clockwise that a player must turn -> what np.rot90 must have done to an upright picture."""


def numbered(index: int, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: bit b of `index` is block b (4 columns, 3 rows), on a background gradient.

    The top left corner is red and the top right corner green, so that turns and mirrors show.
    """
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.linspace(60, 190, width)[None, :, None].astype(np.uint8)
    for bit in range(BITS):
        rows, columns = _block(bit, width, height)
        image[rows, columns] = 235 if index >> bit & 1 else 20
    corner = max(min(width, height) // 8, 2)
    image[:corner, :corner] = (230, 20, 20)
    image[:corner, -corner:] = (20, 230, 20)
    return image


def number_of(image: np.ndarray) -> int:
    """The index that `numbered` drew."""
    height, width = image.shape[:2]
    return sum(1 << b for b in range(BITS) if image[_block(b, width, height)].mean() > 127)


def _block(bit: int, width: int, height: int) -> tuple[slice, slice]:
    row, column = divmod(bit, 4)
    top, left = int(height * (0.2 + 0.25 * row)), int(width * (0.1 + 0.2 * column))
    return slice(top, top + max(int(height * 0.2), 1)), slice(left, left + max(int(width * 0.15), 1))


def corners(image: np.ndarray) -> tuple[str, str]:
    """Where the red and the green corner are: ("top left", "top right") in an upright picture."""
    size = max(min(image.shape[:2]) // 12, 1)
    places = {
        "top left": image[:size, :size],
        "top right": image[:size, -size:],
        "bottom left": image[-size:, :size],
        "bottom right": image[-size:, -size:],
    }
    red = max(places, key=lambda p: float(places[p][..., 0].mean() - places[p][..., 1].mean()))
    green = max(places, key=lambda p: float(places[p][..., 1].mean() - places[p][..., 0].mean()))
    return red, green


def write_clip(
    path: Path,
    ticks: Sequence[int | None] = tuple(range(30)),
    *,
    width: int = 160,
    height: int = 120,
    time_base: Fraction = Fraction(1, 30),
    rate: Fraction | int = 30,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    draw: Callable[[int, int, int], np.ndarray] = numbered,
    audio: str | None = None,
    audio_delay: float = 0.0,
    configure: Callable[[av.VideoStream], None] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """A clip made with PyAV alone, whose frames are shown at `ticks` of `time_base`.

    audio: an encoder's name; its sound is a sine of 1 kHz that is loud in every second half of a second.
    """
    for encoder in (codec, audio):
        if encoder is not None and encoder not in av.codecs_available:
            pytest.skip(f"PyAV {av.__version__} has no encoder {encoder}")
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(
            codec, rate=rate, width=width, height=height, pix_fmt=pix_fmt, options=options or {}
        )
        stream.codec_context.time_base = time_base
        if configure is not None:
            configure(stream)
        sound = None if audio is None else container.add_stream(audio, rate=48000)
        for index, tick in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(draw(index, width, height), format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = tick, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            seconds = float((ticks[-1] or 0) * time_base) + 1 / 30
            for block in sine_blocks(seconds, audio_delay):
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


def sine_blocks(seconds: float, delay: float = 0.0, rate: int = 48000) -> list[av.AudioFrame]:
    t = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * 1000 * t) * ((t % 1.0) >= 0.5)
    out = []
    for start in range(0, len(wave) - 1023, 1024):
        block = np.repeat((wave[None, start : start + 1024] * 32767).astype(np.int16), 2, axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, start + int(delay * rate), Fraction(1, rate)
        out.append(frame)
    return out


def loudness(path: Path, at: Sequence[float], window: float = 0.05) -> list[float]:
    """Root mean square of the first channel within `window` of the times `at`, on the clock of the video."""
    times, values = [], []
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        origin = float((video.start_time or 0) * video.time_base)
        resampler = av.AudioResampler(format="fltp", layout="mono")
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                times.append(part.time - origin + np.arange(part.samples) / part.sample_rate)
                values.append(part.to_ndarray()[0])
    when, wave = np.concatenate(times), np.concatenate(values)
    return [float(np.sqrt(np.mean(wave[np.abs(when - t) < window] ** 2))) for t in at]


def set_display_matrix(path: Path, matrix: tuple[float, float, float, float]) -> None:
    """Write a b c d (ISO 14496-12, 6.2.2) into the header of the first track of an MP4 file."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    at += 40 if data[at] == 0 else 52
    a, b, c, d = (round(v * 65536) for v in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def rotation_matrix(degrees_clockwise: int) -> tuple[float, float, float, float]:
    """The display matrix entries a b c d of a turn (y down)."""
    return {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees_clockwise]
