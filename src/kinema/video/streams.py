"""The header of a video stream: which stream, its times, its rate, its orientation."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from kinema.errors import InputError
from kinema.video.decoding import Decoder, times_follow_packets
from kinema.video.frames import TimeRange
from kinema.video.orientation import UPRIGHT, Orientation, from_display_matrix, from_rotation

_FALLBACK_FPS = 30.0
# The rate is measured over this many packets, without steps longer than this many usual ones (2:3 pulldown alternates
# by 1.5, a missing frame makes 2), and without those at both ends, whose neighbours in time may not be among them.
_MEASURED_PACKETS = 120
_ENDS = 8
_LONG_STEPS = 1.75
# A header's rate that differs from the measured one by less than this is taken as the exact rate.
_SAME_RATE = 0.02


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream to read: the default one if there is one, else the largest; cover art is ignored."""
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic and s.codec_context]
    if not videos:
        content = "audio but no video" if container.streams.audio else "no video"
        raise InputError(f"{path} contains {content}; give a file with a video stream")
    return max(
        videos,
        key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height, -s.index),
    )


def stream_at(container: InputContainer, index: int) -> VideoStream:
    """The stream that was chosen on opening, by its index."""
    return next(stream for stream in container.streams.video if stream.index == index)


def first_frame(container: InputContainer, stream: VideoStream, path: Path) -> av.VideoFrame:
    """The first decodable frame. Raises InputError if there is none."""
    try:
        first = next(iter(Decoder(container, stream, threads=1, packet_times=times_follow_packets(container))), None)
    except ValueError as error:
        raise InputError(f"{path} cannot be decoded ({error}); convert it to H.264 in .mp4") from error
    if first is None:
        raise InputError(f"no frame of {path} can be decoded; the file is empty or corrupt, copy it again")
    return first


def time_base(stream: VideoStream) -> Fraction:
    """Seconds of one tick."""
    return stream.time_base or Fraction(1, 90000)


def ticks(frame: av.VideoFrame) -> int | None:
    """The frame's own time in ticks, None if it has none."""
    return frame.pts if frame.pts is not None else frame.dts


def origin(stream: VideoStream, first: av.VideoFrame) -> int:
    """The tick that is time 0: the stream's start time, or the first frame's if that is earlier."""
    tick = ticks(first)
    if first.pts is None or stream.start_time is None:
        return tick or 0
    return min(int(stream.start_time), tick or 0)


def orientation(frame: av.VideoFrame) -> Orientation:
    """The frame's rotation according to the file."""
    try:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # Side data of a type unknown to this PyAV version (spatial video); the plain angle is still there.
        return from_rotation(frame.rotation)
    return UPRIGHT if data is None else from_display_matrix(bytes(data))


def header_rate(stream: VideoStream) -> float:
    """Mean frames per second according to the header; 30 if it gives nothing plausible."""
    # A raw elementary stream has no header; FFmpeg then assumes 25, but the coded frames may carry the real rate.
    coded = None if stream.duration or stream.frames else stream.codec_context.framerate
    for rate in (coded, stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0.01 <= rate <= 1000:
            return float(rate)
    return _FALLBACK_FPS


def usual_rate(container: InputContainer, stream: VideoStream, *, dts: bool) -> float | None:
    """Frames per second between gaps, measured at the times of the next packets; None without times.

    dts: whether times follow the packets' order. The container is positioned after these packets afterwards.
    """
    times: list[int] = []
    with contextlib.suppress(av.FFmpegError):
        for packet in container.demux(stream):
            tick = packet.dts if dts else packet.pts
            if packet.size and tick is not None:
                times.append(tick)
            if len(times) == _MEASURED_PACKETS:
                break
    steps = np.diff(np.unique(times)) * float(time_base(stream))
    steps = steps[_ENDS:-_ENDS] if len(steps) > 4 * _ENDS else steps
    if not len(steps):
        return None
    usual = float(1 / steps[steps <= _LONG_STEPS * np.median(steps)].mean())
    known = (stream.guessed_rate, stream.base_rate, stream.average_rate)
    return next((float(rate) for rate in known if rate and abs(usual / rate - 1) <= _SAME_RATE), usual)


def mean_rate(stream: VideoStream, usual: float | None, *, dts: bool) -> float:
    """Mean frames per second: the header's if it counts frames, else its guess if that is close to `usual`.

    FFmpeg's guess for 2:3 pulldown is the field rate. The frames counted by an AVI file may be empty.
    """
    rate = header_rate(stream)
    counted = bool(stream.frames and stream.duration and not dts)
    return rate if usual is None or counted or abs(usual / rate - 1) <= _SAME_RATE else usual


def stream_duration(stream: VideoStream, before: float) -> float | None:
    """Seconds of this stream, None if only the container has a duration (audio may be longer)."""
    if stream.duration:
        return float(stream.duration * time_base(stream))
    with contextlib.suppress(ValueError):
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds) - before
    return None


def frame_count(stream: VideoStream, range_: TimeRange, duration: float | None, fps: float) -> int | None:
    """The number of frames to expect in the range; fps: by the file's own times. None if the header gives none."""
    if range_.start is None and range_.end is None and stream.frames:
        return int(stream.frames)
    seconds = range_.seconds_of(duration)
    return None if seconds is None else round(seconds * fps)
