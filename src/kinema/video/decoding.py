"""Opens containers and decodes packets past corrupt data: everything specific to FFmpeg's behaviour."""

from __future__ import annotations

import contextlib
import errno
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from kinema.errors import InputError
from kinema.video.limits import OPENING_SECONDS, READING_SECONDS, VIDEO_PIXELS, check_size

# Two decoder threads keep a small machine busy while Python processes the previous frame; each costs
# one frame of memory, so their number must not grow with the core count.
DECODER_THREADS = 2
# Consecutive read errors after which the rest of a file is abandoned.
_MAX_FAILURES = 256
# The containers that hold their own frames. Everything else that FFmpeg knows is refused before it is opened: text,
# subtitles, devices, and above all playlists, which name other files and can block forever.
_CONTAINERS = """
    mov mp4 m4a 3gp 3g2 mj2 matroska webm avi mpegts mpegtsraw mpeg mpegvideo flv live_flv kux asf asf_o ogg mxf nut
    gif apng dv gxf nsv nuv rm wtv ty pva dhav ivr mlv cine r3d smjpeg amv swf ivf obu av1 h264 hevc vvc h261 h263 m4v
    mjpeg mjpeg_2000 vc1 vc1test cavsvideo dirac avs2 avs3 evc yuv4mpegpipe
"""
# Containers whose header names every stream.
_COMPLETE_HEADERS = {"mov", "matroska", "avi"}
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"v=0", b"[playlist]", b"<MPD", b"<smil", b"<asx", b"[Reference]")
# Transport streams may legally have timestamp discontinuities; larger steps between packets count as one.
_JUMP_AHEAD_SECONDS = 10.0
_JUMP_BACK_SECONDS = 1.0
# Container format flags, values from libavformat.
_AVFMT_NOTIMESTAMPS = 0x0080
_AVFMT_TS_DISCONT = 0x0200
# No codec delays more frames than this for reordering.
_MAX_REORDER = 17
# Names and titles that are not UTF-8 must not stop a video; PyAV 19 and later need no setting for this.
_TEXT: dict[str, Any] = {"metadata_errors": "surrogateescape"} if hasattr(InputContainer, "metadata_errors") else {}


def checked_header(path: Path) -> bool:
    """Raise InputError, before any frame is decoded, if FFmpeg cannot read `path` or its header declares too large
    frames.

    Returns whether decoding can be bounded from the start: PyAV 15 crashes if streams are discovered late.
    """
    with _reasons(path), _open(path, {"codec_whitelist": "none", "analyzeduration": "1"}) as container:
        for stream in container.streams.video:
            if stream.codec_context is None or stream.disposition & Disposition.attached_pic:
                continue
            check_size(path, stream.width, stream.height, VIDEO_PIXELS, "videos")
        names = set(container.format.name.split(","))
    return bool(_COMPLETE_HEADERS & names)


@contextlib.contextmanager
def opened(path: Path, *, bounded: bool = False) -> Iterator[InputContainer]:
    """The container of `path`. Raises InputError with the reason if FFmpeg cannot read it.

    bounded: whether frames larger than declared are refused when FFmpeg probes the first ones, see `checked_header`.
    """
    with _reasons(path):
        container = _open(path, {}, {"max_pixels": str(VIDEO_PIXELS)} if bounded else {})
    with container:
        yield container


def _open(path: Path, how: dict[str, str], decoding: dict[str, str] | None = None) -> InputContainer:
    # "file:" keeps a name such as "a:b.mp4" from being parsed as a URL, and the allow-lists keep a playlist disguised
    # as a video from reaching other files or the network.
    # Not as `options`: PyAV 15 would free per-stream copies for streams discovered late (FLV, MPEG), and crash.
    allowed = {"protocol_whitelist": "file", "format_whitelist": ",".join(_CONTAINERS.split())}
    container: InputContainer = av.open(
        f"file:{path}",
        options=decoding or {},
        container_options={**allowed, **how},
        timeout=(OPENING_SECONDS, READING_SECONDS),
        **_TEXT,
    )
    return container


@contextlib.contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """FFmpeg's errors on opening, as one sentence."""
    try:
        yield
    except av.ExitError as error:
        raise InputError(_too_slow(path, OPENING_SECONDS)) from error
    except (av.FFmpegError, ValueError) as error:
        raise InputError(_why_unreadable(path, error)) from error


def _too_slow(path: Path | str, seconds: float) -> str:
    return f"reading {path} gave nothing for {seconds:.0f} s; copy it to a local disk, or convert it to .mp4"


def _why_unreadable(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        head = file.read(64)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return (
            f"{path} is an MP4 or MOV recording without its index, because it was truncated or only partly copied;"
            " copy it again or repair it with a recovery tool"
        )
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_PLAYLISTS):
        return f"{path} is not a video but a playlist, which names other files; download or give the video itself"
    if getattr(error, "errno", None) == errno.EINVAL:  # not on the list
        return f"{path} is not a video, or not of a format that Kinema reads; convert it to .mp4 or .mov"
    reason = getattr(error, "strerror", None) or str(error)
    return f"{path} is not a video that can be decoded ({reason}); give a video file such as .mp4 or .mov"


def times_follow_packets(container: InputContainer) -> bool:
    """Whether frames must take the packets' times in order, because the format stores no presentation times.

    In an AVI file a packet's position is its time, and reordered frames (B-frames) have none of their own.
    """
    return "avi" in container.format.name.split(",") or bool(container.format.flags & _AVFMT_NOTIMESTAMPS)


class Decoder:
    """Iterates over the frames of one stream, past corrupt data.

    Frames keep their packets' presentation times (`pts`), with two repairs: discontinuities of a transport
    stream's clock are closed, and with `packet_times` the times are those of the packets in order.
    `packets` counts those that were read, `broken` those that raised an error, `jumps` the closed discontinuities.
    Frames of more than `VIDEO_PIXELS` are errors, before memory is allocated for them.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        *,
        threads: int = DECODER_THREADS,
        packet_times: bool = False,
    ) -> None:
        stream.thread_type = "AUTO" if threads > 1 else "SLICE"
        stream.codec_context.thread_count = threads
        if not stream.codec_context.is_open:
            stream.codec_context.options["max_pixels"] = str(VIDEO_PIXELS)
        self._container = container
        self._stream = stream
        self._waiting: deque[int | None] | None = deque(maxlen=_MAX_REORDER) if packet_times else None
        self._jumpy = bool(container.format.flags & _AVFMT_TS_DISCONT)
        self.packets = 0
        self.broken = 0
        self.jumps = 0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            if self._waiting is not None:
                self._waiting.append(packet.dts)
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError:
                self.broken += 1
                if self._waiting:
                    self._waiting.pop()
            else:
                yield from self._timed(frames)
        for _ in range(_MAX_FAILURES):
            try:
                frames = self._stream.decode(None)
            except av.EOFError:
                return
            except av.FFmpegError:
                self.broken += 1
            else:
                yield from self._timed(frames)

    def _timed(self, frames: list[av.VideoFrame]) -> list[av.VideoFrame]:
        if self._waiting is not None:
            for frame in frames:
                frame.pts = self._waiting.popleft() if self._waiting else None  # type: ignore[assignment]
        return frames

    def _packets(self) -> Iterator[av.Packet]:
        """The stream's packets; reading continues after an unreadable section if anything follows it."""
        failures = 0
        last: int | None = None
        shift = 0
        packets = self._container.demux(self._stream)
        while failures < _MAX_FAILURES:
            try:
                packet = next(packets, None)
            except av.ExitError as error:
                raise InputError(_too_slow(self._container.name.removeprefix("file:"), READING_SECONDS)) from error
            except av.FFmpegError:
                self.broken += 1
                failures += 1
                packets = self._container.demux(self._stream)
                continue
            if packet is None:
                return
            failures = 0
            # Empty packets mean "no new frame" or end of stream; a decoder treats them as the end.
            if not packet.size:
                continue
            self.packets += 1
            if self._jumpy and packet.dts is not None:
                raw = packet.dts
                shift += self._jump(packet, last)
                last = raw
                packet.dts = raw + shift
                if packet.pts is not None:
                    packet.pts += shift
            yield packet

    def _jump(self, packet: av.Packet, last: int | None) -> int:
        """Ticks to add from this packet on, so that it follows the previous one. An implausible `pts` is dropped."""
        dts = packet.dts or 0
        second = 1 / float(self._stream.time_base or 1)
        if packet.pts is not None and abs(packet.pts - dts) > _JUMP_AHEAD_SECONDS * second:
            packet.pts = None
        if last is None or -_JUMP_BACK_SECONDS * second <= dts - last <= _JUMP_AHEAD_SECONDS * second:
            return 0
        self.jumps += 1
        return last + (packet.duration or 0) - dts
