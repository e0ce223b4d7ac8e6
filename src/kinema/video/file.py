"""Reads video files with PyAV (FFmpeg's libraries), frame by frame, in constant memory."""

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
from av.video.stream import VideoStream

from kinema.errors import InputError, plural
from kinema.video import streams
from kinema.video.colour import PQ_TRANSFER, RgbConverter, full_range, transfer_name, yuv_matrix
from kinema.video.decoding import Decoder, checked_header, opened, times_follow_packets
from kinema.video.frames import TIME_TOLERANCE, Frame, PlanarFrame, TimeRange, VideoReader
from kinema.video.interlacing import deinterlaced
from kinema.video.limits import VIDEO_PIXELS, check_size
from kinema.video.metadata import container_tags
from kinema.video.options import VideoOptions
from kinema.video.orientation import UPRIGHT, Orientation, clockwise
from kinema.video.planes import MATRICES, PlanesConverter
from kinema.video.pool import ImagePool
from kinema.video.rates import true_rate
from kinema.video.times import FrameClock, Gaps

# Frames that must be missing at the end before a warning, if only the header's duration tells.
_CERTAIN_LOSS = 3


@dataclass
class VideoFile(VideoReader):
    """A video file. Made by `VideoFile.open`; see `VideoReader` for the interface.

    planar: the matrix (AVColorSpace) of the `planes` it can give, None if it cannot: they need rotating, stretching,
    tone mapping or another format.
    """

    orientation: Orientation = UPRIGHT
    stream_index: int = 0
    origin: int = 0
    time_base: Fraction = Fraction(1)
    packet_times: bool = False
    aspect: Fraction | None = None
    coded_size: tuple[int, int] = (0, 0)
    transfer: int | None = None
    header_fps: float = 30.0
    planar: int | None = None
    expected_packets: int | None = field(default=None, repr=False)
    expected_end: float | None = field(default=None, repr=False)

    @classmethod
    def open(cls, path: Path, range_: TimeRange, options: VideoOptions | None = None) -> VideoFile:
        """Read the header and decode the first frame. Raises InputError if there is none."""
        options = options or VideoOptions()
        with opened(path, bounded=checked_header(path)) as container:
            stream = streams.video_stream(container, path)
            check_size(path, stream.width, stream.height, VIDEO_PIXELS, "videos")
            first = streams.first_frame(container, stream, path)
            coded = (first.width, first.height)
            aspect = stream.sample_aspect_ratio
            transfer = stream.codec_context.color_trc
            turned = streams.orientation(first).then(clockwise(options.rotate))
            converter = RgbConverter(*coded, aspect, transfer)
            check_size(path, converter.width, converter.height, VIDEO_PIXELS, "videos")
            width, height = turned.size(converter.width, converter.height)
            packet_times = first.pts is None or times_follow_packets(container)
            origin = streams.origin(stream, first)
            base = streams.time_base(stream)
            # Matroska durations count from 0, regardless of the first frame's time.
            before = float(origin * base) if "matroska" in container.format.name else 0.0
            duration = streams.stream_duration(stream, before)
            likely_duration = duration
            if likely_duration is None and container.duration:
                likely_duration = container.duration / av.time_base - before
            metadata = container_tags(path, container, stream) | _properties(container, stream, first, turned)
            counted = int(stream.frames) or None
            usual = streams.usual_rate(container, stream, dts=packet_times)
            fps = streams.mean_rate(stream, usual, dts=packet_times)
            rate = true_rate(
                options, usual or fps, metadata.get("capture_fps"), has_audio=bool(container.streams.audio)
            )
            if likely_duration is not None:
                metadata["duration"] = likely_duration / rate.slow_motion
            reader = cls(
                path=path,
                width=width,
                height=height,
                fps=fps * rate.slow_motion,
                num_frames_estimate=streams.frame_count(stream, range_, likely_duration, fps),
                time_range=range_,
                metadata=metadata,
                slow_motion=rate.slow_motion,
                time_source=rate.source,
                orientation=turned,
                stream_index=stream.index,
                origin=origin,
                time_base=base,
                packet_times=packet_times,
                aspect=aspect,
                coded_size=coded,
                transfer=transfer,
                header_fps=streams.header_rate(stream),
                planar=_planar(first, converter, turned, transfer),
                expected_end=duration,
                expected_packets=counted,
            )
        if rate.note is not None:
            reader.warn(rate.note)
        if converter.ignored_aspect:
            reader.warn(f"the file says that its pixels are {aspect} times as wide as high; that was ignored")
        reader._check_range()
        return reader

    def _check_range(self) -> None:
        """Raise InputError if no frame lies in the time range, on opening rather than after an hour of other work."""
        if self.time_range != TimeRange():
            with contextlib.closing(self._decoded()) as frames:
                found = next(frames, None)
            if found is None:
                seconds = self.metadata.get("duration")
                length = "" if seconds is None else f", which is {seconds * self.slow_motion:.2f} s long"
                raise InputError(f"no frame lies in the time range {self.time_range} of {self.path}{length}")

    def __iter__(self) -> Iterator[Frame]:
        converter = RgbConverter(*self.coded_size, self.aspect, self.transfer)
        pool = ImagePool((self.height, self.width, 3))
        for index, time, decoded in self._images():
            yield Frame(index, time, self.orientation.apply(converter(decoded), pool.take()))

    def planes(self) -> Iterator[PlanarFrame]:
        """The same frames as the file stores them; only if `planar` gives their matrix."""
        assert self.planar is not None
        converter = PlanesConverter(self.width, self.height, self.planar)
        for index, time, decoded in self._images():
            yield PlanarFrame(index, time, converter(decoded))

    def _images(self) -> Iterator[tuple[int, float, av.VideoFrame]]:
        """Number, true time and decoded image of each frame. Raises InputError if there are none."""
        index = 0
        resized = False
        for time, decoded in deinterlaced(self._decoded()):
            if not resized and (decoded.width, decoded.height) != self.coded_size:
                resized = True
                self.warn(
                    f"the frame size changes to {decoded.width}x{decoded.height} at {time:.2f} s; frames are"
                    " scaled to the size of the first one"
                )
            yield index, time / self.slow_motion, decoded
            index += 1
        if index == 0:
            raise InputError(f"no frame of {self.path} can be decoded; the file is corrupt, copy it again")

    def _decoded(self) -> Generator[tuple[float, av.VideoFrame], None, None]:
        """The decoded frames of the range with the seconds at which they are played; at the end, warns of repairs and
        losses."""
        with contextlib.ExitStack() as stack:
            decoder, frames = self._from_start(stack)
            clock = FrameClock(self.time_base, self.origin, self.header_fps)
            concealed: list[float] = []
            gaps = Gaps()
            last_end = 0.0
            reached_end = False
            for frame in frames:
                time = clock.stamp(streams.ticks(frame))
                if time is None or self.time_range.before(time):
                    continue
                if self.time_range.after(time):
                    reached_end = True
                    break
                gaps.add(time)
                last_end = time + max(float((frame.duration or 0) * self.time_base), 1 / self.header_fps)
                if frame.is_corrupt:
                    concealed.append(time)
                if frame.interlaced_frame:
                    self.warn("the video is interlaced: its frames were deinterlaced, one image from each")
                yield time, frame
            for sentence in (*clock.report(), *_corruption(decoder, concealed), *gaps.report()):
                self.warn(sentence)
            if not reached_end:
                self._warn_of_early_end(last_end, decoder)

    def _from_start(self, stack: contextlib.ExitStack) -> tuple[Decoder, Iterator[av.VideoFrame]]:
        """A decoder positioned at or before the first frame of the range, and its frames.

        Seeking cannot be trusted: indices may be wrong, key frames may be displayed later than they are stored, some
        files have no index at all. So the first frame after the seek is checked, and if it lies after the start, the
        seek is repeated further back; failing that, the file is read from its beginning.
        """
        start = self.time_range.start or 0.0
        for lead in (0.0, 2.0, 10.0):
            if start - lead <= 0:
                break
            attempt = contextlib.ExitStack()
            container = attempt.enter_context(opened(self.path))
            stream = streams.stream_at(container, self.stream_index)
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
        decoder = Decoder(container, streams.stream_at(container, self.stream_index), packet_times=self.packet_times)
        return decoder, iter(decoder)

    def _warn_of_early_end(self, last_end: float, decoder: Decoder) -> None:
        """Warn if the frames end before the time given in the header, and packets are missing, too.

        An edit list alone may declare more: its end is then that of the whole recording, cut at a packet.
        """
        if self.expected_end is None:
            return
        expected = self.expected_end if self.time_range.end is None else min(self.expected_end, self.time_range.end)
        lost = round((expected - last_end) * self.header_fps)
        from_beginning = self.time_range.start is None
        if self.expected_packets is not None and from_beginning:
            complete = decoder.packets >= self.expected_packets
        else:
            complete = lost < _CERTAIN_LOSS
        if lost >= 1 and not complete:
            frames = "1 frame is" if lost == 1 else f"{lost} frames are"
            self.warn(
                f"the video ends at {last_end:.2f} s, but its header says {expected:.2f} s: about {frames} missing"
                " (the recording was truncated or only partly copied)"
            )


def _properties(
    container: InputContainer, stream: VideoStream, first: av.VideoFrame, turned: Orientation
) -> dict[str, Any]:
    """What is known of the video from how it is stored, as metadata."""
    transfer = transfer_name(stream.codec_context.color_trc)
    return {
        "codec": stream.codec_context.name,
        "pixel_format": first.format.name,
        "bit_depth": max(c.bits for c in first.format.components),
        "interlaced": bool(first.interlaced_frame),
        "has_audio": bool(container.streams.audio),
        **({"rotation": turned.degrees} if turned.degrees else {}),
        **({} if transfer is None else {"transfer": transfer}),
    }


def _planar(first: av.VideoFrame, converter: RgbConverter, turned: Orientation, transfer: int | None) -> int | None:
    """See `VideoFile.planar`."""
    size = (first.width, first.height)
    if turned != UPRIGHT or size != (converter.width, converter.height) or size[0] % 2 or size[1] % 2:
        return None
    if first.format.name != "yuv420p" or full_range(first) or transfer == PQ_TRANSFER:
        return None
    matrix = yuv_matrix(first)
    return matrix if matrix in MATRICES else None


def _corruption(decoder: Decoder, concealed: list[float]) -> Iterator[str]:
    """Sentences about corrupt data."""
    if decoder.broken:
        yield f"the file is corrupt: {plural(decoder.broken, 'packet')} could not be decoded"
    if concealed:
        yield f"{plural(len(concealed), 'corrupt frame')} concealed (the first at {concealed[0]:.2f} s)"
    if decoder.jumps:
        yield f"the video's timestamps jump {plural(decoder.jumps, 'time')}; the parts were joined"
