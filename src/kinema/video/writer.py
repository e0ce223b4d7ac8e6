"""Writes H.264 video: exact frame times, the source's audio, all or nothing."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import cv2
import numpy as np
from av.codec import codecs_available
from av.container import OutputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream

from kinema.errors import OutputError, ShapeError, UsageError
from kinema.storage.atomic import atomic_path, explain_write_error
from kinema.video.audio import AudioTrack
from kinema.video.planes import Planes

ENCODERS = ("libx264", "libopenh264", "mpeg4")
"""Encoders to try, best first; FFmpeg builds differ in which they include."""

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
DEFAULT_CRF = 20
# Ticks per second of the written times: every common frame rate is exact or within 6 microseconds.
# MPEG-4 part 2 cannot count finer than 1/65535 s.
_TICKS = {"mpeg4": 60000}
_DEFAULT_TICKS = 90000
_ENCODER_THREADS = 2
# Above this many pixels the encoder's look-ahead is off: twenty 4K frames would take half a gigabyte.
_LARGE_PIXELS = 4_000_000
# AVColorSpace, -Primaries, -Transfer and -Range values of OpenCV's conversion.
_SMPTE170M, _BT709, _LIMITED = 6, 1, 1


class VideoWriter:
    """Writes frames with their times to an .mp4 or .mov file. A context manager.

        with VideoWriter("out.mp4", video.width, video.height, audio_from="clip.mov") as out:
            for frame in video:
                out.write(frame.image, frame.time)

    The file appears at `path` when the block succeeds and not at all when it raises an exception.
    Its time 0 is the first frame's time. Odd sizes are padded by repeating the last column or row, because H.264
    stores colour at half resolution. The audio of `audio_from` from the first frame's time to the last
    frame's end is included, copied where MP4 supports its codec and otherwise encoded as AAC; audio that cannot
    be read is left out with an entry in `warnings`, never an error. `encoder` names the encoder that was used.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        *,
        audio_from: str | Path | None = None,
        crf: int = DEFAULT_CRF,
        fast: bool = False,
        matrix: int | None = None,
    ) -> None:
        """width, height: pixels of the images to write. crf: 0 (lossless) to 51, lower is better. fast: encode in
        0.7 to 0.9 of the time, for a file larger by up to a tenth and up to 0.2 dB less (benchmarks/rendering.py).
        matrix: AVColorSpace of the planes to write, for `write_planes`.

        Raises UsageError for an invalid size, quality or suffix.
        """
        self.path = Path(path)
        if width < 1 or height < 1:
            raise UsageError(f"a video needs at least one pixel, found {width}x{height}")
        if not 0 <= crf <= 51:
            raise UsageError(f"crf must be between 0 and 51, found {crf}")
        if self.path.suffix.lower() not in FORMATS:
            raise UsageError(
                f"{self.path.name}: videos are written as {', '.join(FORMATS)}; choose one of these endings"
            )
        self.width, self.height = width, height
        self.warnings: list[str] = []
        self.encoder = next(name for name in ENCODERS if name in codecs_available)
        if self.encoder == "mpeg4":
            self.warnings.append("no H.264 encoder is available; the video was written as MPEG-4 part 2")
        self._audio_from = None if audio_from is None else Path(audio_from)
        self._crf, self._fast = crf, fast
        self._matrix = _BT709 if matrix == _BT709 else _SMPTE170M
        self._ticks = _TICKS.get(self.encoder, _DEFAULT_TICKS)
        self._stack = contextlib.ExitStack()
        self._target: Path | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._audio: AudioTrack | None = None
        # A frame is held until its duration is known, which is when the next one arrives.
        self._pending: av.VideoFrame | None = None
        self._first_time = 0.0
        self._interval = self._ticks // 30

    def __enter__(self) -> VideoWriter:
        self._target = self._stack.enter_context(atomic_path(self.path))
        return self

    def write(self, image: np.ndarray, time: float) -> None:
        """Append `image` (H, W, 3) uint8 RGB, displayed from `time` seconds until the next frame's time.

        Raises UsageError if times do not increase, OutputError if the file cannot be written.
        """
        if image.shape != (self.height, self.width, 3) or image.dtype != np.uint8:
            raise ShapeError(
                f"video frame has shape {image.shape} {image.dtype}, expected {(self.height, self.width, 3)} uint8"
            )
        self._append(self._to_frame(image), time)

    def write_planes(self, planes: Planes, time: float) -> None:
        """As `write`, for planes of even size and with the writer's matrix, which must not be changed afterwards."""
        if (planes.width, planes.height) != (self.width, self.height):
            raise ShapeError(
                f"video frame has {planes.width}x{planes.height} pixels, expected {self.width}x{self.height}"
            )
        self._append(planes.frame, time)

    def _append(self, frame: av.VideoFrame, time: float) -> None:
        if self._target is None:
            raise UsageError("a VideoWriter writes inside its `with` block only")
        if not math.isfinite(time):
            raise UsageError(f"a frame's time must be a number of seconds, found {time}")
        pending = self._pending
        if pending is None:
            self._first_time = time
        frame.time_base = Fraction(1, self._ticks)
        frame.colorspace = self._matrix
        frame.color_range = _LIMITED
        frame.pict_type = PictureType.NONE  # that of a decoded frame would be kept
        frame.pts = round((time - self._first_time) * self._ticks)
        if pending is not None:
            interval = frame.pts - (pending.pts or 0)
            if interval <= 0:
                raise UsageError(f"the times of written frames must increase; {time} follows a later or equal one")
            self._interval = interval
            self._encode(pending)
        self._pending = frame

    def _to_frame(self, image: np.ndarray) -> av.VideoFrame:
        if self.width % 2 or self.height % 2:
            image = cv2.copyMakeBorder(image, 0, self.height % 2, 0, self.width % 2, cv2.BORDER_REPLICATE)
        planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), np.uint8)
        return av.VideoFrame.from_ndarray(planes, format="yuv420p")

    def _encode(self, frame: av.VideoFrame) -> None:
        """Encode one frame that lasts `_interval` ticks, and the audio up to its end."""
        frame.duration = self._interval
        with self._write_errors():
            container, stream = self._opened()
            container.mux(stream.encode(frame))
        self._copy_audio(((frame.pts or 0) + self._interval) / self._ticks)

    def _opened(self) -> tuple[OutputContainer, VideoStream]:
        """The output and its video stream, created when the first frame's duration is known."""
        if self._container is not None and self._stream is not None:
            return self._container, self._stream
        self._container = container = av.open(
            f"file:{self._target}",
            "w",
            format=FORMATS[self.path.suffix.lower()],
            container_options={"movflags": "+faststart", "video_track_timescale": str(self._ticks)},
        )
        width, height = self.width + self.width % 2, self.height + self.height % 2
        rate = Fraction(self._ticks, self._interval).limit_denominator(1001)
        stream = cast(
            VideoStream,
            container.add_stream(
                self.encoder, rate=max(rate, Fraction(1, 1000)), width=width, height=height, options=self._options()
            ),
        )
        context = stream.codec_context
        context.time_base = Fraction(1, self._ticks)
        context.thread_count = _ENCODER_THREADS
        context.gop_size = 60
        context.colorspace, context.color_range = self._matrix, _LIMITED
        context.color_primaries, context.color_trc = _BT709, _BT709
        if self.encoder != "libx264":
            # These have no constant-quality mode; 0.1 bits per pixel gives a similar quality.
            context.bit_rate = int(0.1 * width * height * min(float(rate), 60)) + 100_000
        self._stream = stream
        if self._audio_from is not None:
            self._audio = AudioTrack.open(self._audio_from, container, self._first_time, self.warnings)
        return container, stream

    def _options(self) -> dict[str, str]:
        if self.encoder != "libx264":
            return {}
        # Without B-frames, decoding order is display order, so every player gets uneven times right.
        large = self.width * self.height > _LARGE_PIXELS
        options = {"preset": "superfast" if self._fast else "veryfast", "crf": str(self._crf), "bf": "0"}
        further = ["sync-lookahead=0", "mbtree=0"] if large else []
        if large:
            options.update({"refs": "1", "rc-lookahead": "0"})
        if self._fast:
            # This preset's files are large because it does not look ahead. Fades, which need weighted prediction, are
            # rare in recordings of people. Prediction in blocks of 4x4 pixels takes time and gains neither quality nor
            # size.
            further += ["partitions=i8x8"]
            further += ["weightp=0"] if large else ["weightp=0", "mbtree=1", "rc-lookahead=10"]
        if further:
            options["x264-params"] = ":".join(further)
        return options

    def _copy_audio(self, until: float) -> None:
        if self._audio is None:
            return
        with self._write_errors():
            self._audio.copy(until)

    def _finish(self) -> None:
        if self._pending is None:
            raise OutputError(f"no frame was written to {self.path}; there is nothing to save")
        self._encode(self._pending)
        self._pending = None
        with self._write_errors():
            container, stream = self._opened()
            container.mux(stream.encode(None))
            if self._audio is not None:
                self._audio.finish()
            container.close()

    def _abandon(self) -> None:
        """Close everything, so that the incomplete file can be removed."""
        if self._audio is not None:
            self._audio.close()
        if self._container is not None:
            with contextlib.suppress(av.FFmpegError):
                self._container.close()
        self._container = self._stream = self._audio = self._pending = self._target = None

    @contextlib.contextmanager
    def _write_errors(self) -> Iterator[None]:
        try:
            yield
        except av.FFmpegError as error:
            os_error = OSError(error.errno, error.strerror)
            explained = explain_write_error(os_error, self.path)
            raise explained or OutputError(f"{self.path} could not be written ({error.strerror})") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except BaseException:
            self._abandon()
            self._stack.__exit__(*sys.exc_info())
            raise
        self._abandon()
        self._stack.__exit__(kind, error, traceback)
