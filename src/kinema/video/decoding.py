"""Opening containers and decoding packets past corrupt data: everything specific to FFmpeg's behaviour."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from kinema.errors import InputError

# Two decoder threads keep a small machine busy while Python processes the previous frame; each costs
# one frame of memory, so their number must not grow with the core count.
DECODER_THREADS = 2
# Consecutive read errors after which the rest of a file is abandoned.
_MAX_FAILURES = 256
# FFmpeg reads these as "video", but they are text, terminal fonts or lists of other files.
_NOT_VIDEO_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf", "hls", "concat", "dash", "sdp", "lavfi", "image2"})
# Transport streams may legally have timestamp discontinuities; larger steps between packets count as one.
_JUMP_AHEAD_SECONDS = 10.0
_JUMP_BACK_SECONDS = 1.0
# Container format flags, values from libavformat.
_AVFMT_NOTIMESTAMPS = 0x0080
_AVFMT_TS_DISCONT = 0x0200
# No codec delays more frames than this for reordering.
_MAX_REORDER = 17


@contextlib.contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The container of `path`. Raises InputError with the reason if FFmpeg cannot read it."""
    # "file:" keeps a name such as "a:b.mp4" from being parsed as a URL, and the allow-list keeps a
    # playlist disguised as a video from reaching the network.
    # Not as `options`: PyAV 15 would free per-stream copies for streams discovered late (FLV, MPEG), and crash.
    try:
        container = av.open(f"file:{path}", container_options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise InputError(_why_unreadable(path, error)) from error
    with container:
        if set(container.format.name.split(",")) & _NOT_VIDEO_FORMATS:
            raise InputError(f"{path} is not a video: its content looks like text or a playlist; give a video file")
        yield container


def _why_unreadable(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return (
            f"{path} is an MP4 or MOV recording without its index, because it was truncated or only partly copied;"
            " copy it again or repair it with a recovery tool"
        )
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
    `broken` counts the packets that raised an error, `jumps` the closed discontinuities.
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
        self._container = container
        self._stream = stream
        self._waiting: deque[int | None] | None = deque(maxlen=_MAX_REORDER) if packet_times else None
        self._jumpy = bool(container.format.flags & _AVFMT_TS_DISCONT)
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
            except av.FFmpegError:
                self.broken += 1
                failures += 1
                packets = self._container.demux(self._stream)
                continue
            if packet is None:
                return
            failures = 0
            # Empty packets mean "no new frame" or end of stream; a decoder takes them for the end.
            if not packet.size:
                continue
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
