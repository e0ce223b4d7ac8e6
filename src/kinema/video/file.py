"""Reading video files with PyAV (FFmpeg's libraries), frame by frame, in constant memory."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from kinema.errors import InputError
from kinema.video.colour import RgbConverter, transfer_name
from kinema.video.decoding import Decoder, opened, times_follow_packets
from kinema.video.frames import TIME_TOLERANCE, Frame, TimeRange, VideoReader
from kinema.video.metadata import container_tags
from kinema.video.orientation import UPRIGHT, Orientation, from_display_matrix, from_rotation
from kinema.video.pool import ImagePool
from kinema.video.times import FrameClock, plural

_FALLBACK_FPS = 30.0
# A gap between frames longer than both of these is reported.
_GAP_SECONDS = 0.5
_GAP_INTERVALS = 5


@dataclass
class VideoFile(VideoReader):
    """A video file. Made by `VideoFile.open`; see `VideoReader` for the interface."""

    orientation: Orientation = UPRIGHT
    stream_index: int = 0
    origin: int = 0
    time_base: Fraction = Fraction(1)
    packet_times: bool = False
    aspect: Fraction | None = None
    coded_size: tuple[int, int] = (0, 0)
    transfer: int | None = None
    expected_end: float | None = field(default=None, repr=False)

    @classmethod
    def open(cls, path: Path, range_: TimeRange) -> VideoFile:
        """Read the header and decode the first frame. Raises InputError if there is none."""
        with opened(path) as container:
            stream = _video_stream(container, path)
            first = _first_frame(container, stream, path)
            coded = (first.width, first.height)
            aspect = stream.sample_aspect_ratio
            transfer = stream.codec_context.color_trc
            orientation = _orientation(first)
            converter = RgbConverter(*coded, aspect, transfer)
            width, height = orientation.size(converter.width, converter.height)
            fps = _mean_rate(stream)
            origin = _origin(stream, first)
            # Matroska durations count from 0, wherever the first frame lies.
            before = float(origin * _time_base(stream)) if "matroska" in container.format.name else 0.0
            duration = _stream_duration(stream, before)
            likely_duration = duration
            if likely_duration is None and container.duration:
                likely_duration = container.duration / av.time_base - before
            metadata: dict[str, Any] = container_tags(container, stream)
            metadata.update(
                codec=stream.codec_context.name,
                pixel_format=first.format.name,
                bit_depth=max(c.bits for c in first.format.components),
                interlaced=bool(first.interlaced_frame),
                has_audio=bool(container.streams.audio),
            )
            if likely_duration is not None:
                metadata["duration"] = likely_duration
            if orientation.degrees:
                metadata["rotation"] = orientation.degrees
            if (name := transfer_name(transfer)) is not None:
                metadata["transfer"] = name
            reader = cls(
                path=path,
                width=width,
                height=height,
                fps=fps,
                num_frames_estimate=_estimate(stream, range_, likely_duration, fps),
                time_range=range_,
                metadata=metadata,
                orientation=orientation,
                stream_index=stream.index,
                origin=origin,
                time_base=_time_base(stream),
                packet_times=first.pts is None or times_follow_packets(container),
                aspect=aspect,
                coded_size=coded,
                transfer=transfer,
                expected_end=duration,
            )
            if first.interlaced_frame:
                reader.warn("the video is interlaced: fast motion shows combing; deinterlace it for the best result")
        reader._check_range()
        return reader

    def _check_range(self) -> None:
        """Raise InputError if no frame lies in the time range: on opening, not after an hour of other work."""
        if self.time_range != TimeRange():
            with contextlib.closing(self._decoded()) as frames:
                found = next(frames, None)
            if found is None:
                seconds = self.metadata.get("duration")
                length = "" if seconds is None else f", which is {seconds:.2f} s long"
                raise InputError(f"no frame lies in the time range {self.time_range} of {self.path}{length}")

    def __iter__(self) -> Iterator[Frame]:
        converter = RgbConverter(*self.coded_size, self.aspect, self.transfer)
        pool = ImagePool((self.height, self.width, 3))
        index = 0
        resized = False
        for time, decoded in self._decoded():
            if not resized and (decoded.width, decoded.height) != self.coded_size:
                resized = True
                self.warn(
                    f"the frame size changes to {decoded.width}x{decoded.height} at {time:.2f} s; frames are"
                    " scaled to the size of the first one"
                )
            yield Frame(index, time, self.orientation.apply(converter(decoded), pool.take()))
            index += 1
        if index == 0:
            raise InputError(f"no frame of {self.path} can be decoded; the file is corrupt, copy it again")

    def _decoded(self) -> Generator[tuple[float, av.VideoFrame], None, None]:
        """The decoded frames of the range with their times; at the end, warns of what was repaired or lost."""
        with contextlib.ExitStack() as stack:
            decoder, frames = self._from_start(stack)
            clock = FrameClock(self.time_base, self.origin, self.fps)
            concealed: list[float] = []
            gaps: list[tuple[float, float]] = []
            last: float | None = None
            last_end = 0.0
            reached_end = False
            for frame in frames:
                time = clock.stamp(_ticks(frame))
                if time is None or self.time_range.before(time):
                    continue
                if self.time_range.after(time):
                    reached_end = True
                    break
                if last is not None and time - last > max(_GAP_SECONDS, _GAP_INTERVALS / self.fps):
                    gaps.append((last, time))
                last = time
                last_end = time + max(float((frame.duration or 0) * self.time_base), 1 / self.fps)
                if frame.is_corrupt:
                    concealed.append(time)
                yield time, frame
            for sentence in clock.report():
                self.warn(sentence)
            self._warn_of_corruption(decoder, concealed, gaps)
            if not reached_end:
                self._warn_of_early_end(last_end)

    def _warn_of_corruption(self, decoder: Decoder, concealed: list[float], gaps: list[tuple[float, float]]) -> None:
        if decoder.broken:
            self.warn(f"the file is corrupt: {plural(decoder.broken, 'packet')} could not be decoded")
        if concealed:
            self.warn(f"{plural(len(concealed), 'corrupt frame')} concealed (the first at {concealed[0]:.2f} s)")
        if decoder.jumps:
            self.warn(f"the video's timestamps jump {plural(decoder.jumps, 'time')}; the parts were joined")
        if gaps:
            start, end = max(gaps, key=lambda gap: gap[1] - gap[0])
            self.warn(f"{plural(len(gaps), 'gap')} without frames (the longest from {start:.2f} to {end:.2f} s)")

    def _from_start(self, stack: contextlib.ExitStack) -> tuple[Decoder, Iterator[av.VideoFrame]]:
        """A decoder positioned at or before the first frame of the range, and its frames.

        Seeking cannot be trusted: indices may be wrong, key frames may be displayed later than they are stored,
        some files have no index at all. So the first frame after the seek is checked, and if it lies
        after the start, the seek is repeated further back; failing that, the file is read from its beginning.
        """
        start = self.time_range.start or 0.0
        for lead in (0.0, 2.0, 10.0):
            if start - lead <= 0:
                break
            attempt = contextlib.ExitStack()
            container = attempt.enter_context(opened(self.path))
            stream = _stream_at(container, self.stream_index)
            with contextlib.suppress(av.FFmpegError):
                container.seek(self.origin + int((start - lead) / self.time_base), stream=stream)
                decoder = Decoder(container, stream, packet_times=self.packet_times)
                frames = iter(decoder)
                first = next(frames, None)
                if first is not None and first.pts is not None:
                    time = float((first.pts - self.origin) * self.time_base)
                    if time <= start + TIME_TOLERANCE:
                        stack.push(attempt)
                        return decoder, chain((first,), frames)
            attempt.close()
        container = stack.enter_context(opened(self.path))
        decoder = Decoder(container, _stream_at(container, self.stream_index), packet_times=self.packet_times)
        return decoder, iter(decoder)

    def _warn_of_early_end(self, last_end: float) -> None:
        """Warn if the frames end before the time given in the header."""
        if self.expected_end is None:
            return
        expected = self.expected_end if self.time_range.end is None else min(self.expected_end, self.time_range.end)
        lost = round((expected - last_end) * self.fps)
        if lost >= 1:
            self.warn(
                f"the video ends at {last_end:.2f} s, but its header says {expected:.2f} s: about {lost}"
                " frames are missing (the recording was truncated or only partly copied)"
            )


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream to read: the default one if there is one, else the largest; cover art is ignored."""
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic and s.codec_context]
    if not videos:
        content = "audio but no video" if container.streams.audio else "no video"
        raise InputError(f"{path} contains {content}; give a file with a video stream")
    return max(
        videos,
        key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height, -s.index),
    )


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> av.VideoFrame:
    try:
        first = next(iter(Decoder(container, stream, threads=1, packet_times=times_follow_packets(container))), None)
    except ValueError as error:
        raise InputError(f"{path} cannot be decoded ({error}); convert it to H.264 in .mp4") from error
    if first is None:
        raise InputError(f"no frame of {path} can be decoded; the file is empty or corrupt, copy it again")
    return first


def _stream_at(container: InputContainer, index: int) -> VideoStream:
    """The stream that was chosen on opening, by its index."""
    return next(stream for stream in container.streams.video if stream.index == index)


def _time_base(stream: VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, 90000)


def _ticks(frame: av.VideoFrame) -> int | None:
    return frame.pts if frame.pts is not None else frame.dts


def _origin(stream: VideoStream, first: av.VideoFrame) -> int:
    """The tick that is time 0: the stream's start time, or the first frame's if that is earlier."""
    ticks = _ticks(first)
    if first.pts is None or stream.start_time is None:
        return ticks or 0
    return min(int(stream.start_time), ticks or 0)


def _orientation(frame: av.VideoFrame) -> Orientation:
    try:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # Side data of a type unknown to this PyAV version (spatial video); the plain angle is still there.
        return from_rotation(frame.rotation)
    return UPRIGHT if data is None else from_display_matrix(bytes(data))


def _mean_rate(stream: VideoStream) -> float:
    """Mean frames per second according to the header; 30 if it gives nothing plausible."""
    # A raw elementary stream has no header; FFmpeg then assumes 25, but the coded frames may carry the real rate.
    coded = None if stream.duration or stream.frames else stream.codec_context.framerate
    for rate in (coded, stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0.01 <= rate <= 1000:
            return float(rate)
    return _FALLBACK_FPS


def _stream_duration(stream: VideoStream, before: float) -> float | None:
    """Seconds of this stream, None if only the container has a duration (audio may be longer)."""
    if stream.duration:
        return float(stream.duration * _time_base(stream))
    with contextlib.suppress(ValueError):
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds) - before
    return None


def _estimate(stream: VideoStream, range_: TimeRange, duration: float | None, fps: float) -> int | None:
    if range_.start is None and range_.end is None and stream.frames:
        return int(stream.frames)
    seconds = range_.seconds_of(duration)
    return None if seconds is None else round(seconds * fps)
