"""Copies the source's audio into a new video: packets unchanged, or re-encoded as AAC if MP4 requires it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from kinema.errors import InputError
from kinema.video.decoding import opened
from kinema.video.file import VideoFile
from kinema.video.frames import TimeRange
from kinema.video.images import IMAGE_SUFFIXES

_COPIED_CODECS = frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "alac"})
_AAC_RATES = frozenset({96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350})


class AudioTrack:
    """One audio stream being copied from a source to an output container. Made by `AudioTrack.open`."""

    def __init__(
        self,
        source: InputContainer,
        stream: AudioStream,
        output: OutputContainer,
        start: Fraction,
        stack: contextlib.ExitStack,
        warnings: list[str],
    ) -> None:
        """start: seconds on the source's own clock that map to time 0 of the output."""
        self._source = stream
        self._output = output
        self._stack = stack
        self._warnings = warnings
        self._time_base = stream.time_base or Fraction(1, stream.rate)
        self._shift = round(start / self._time_base)
        self._copied = stream.codec_context.name in _COPIED_CODECS
        if self._copied:
            target = output.add_stream_from_template(stream)
        else:
            target = output.add_stream("aac", rate=stream.rate if stream.rate in _AAC_RATES else 48000)
        self._target = target
        self._packets = self._packets_after_start(source, stream)
        self._held_back: av.Packet | None = None

    @classmethod
    def open(cls, path: Path, output: OutputContainer, first_time: float, warnings: list[str]) -> AudioTrack | None:
        """The audio of video `path` from `first_time` on; None if there is none or it cannot be used.

        first_time: seconds in the source video, as a player shows them. Problems are appended to `warnings`.
        """
        if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
            return None
        stack = contextlib.ExitStack()
        try:
            video = VideoFile.open(path, TimeRange())
            source = stack.enter_context(opened(path))
            decodable = [stream for stream in source.streams.audio if stream.codec_context is not None]
            if not decodable:
                stack.close()
                return None
            stream = decodable[0]
            start = video.origin * video.time_base + Fraction(first_time).limit_denominator(10**6)
            if first_time > 0:
                source.seek(int(start * av.time_base), backward=True)
            return cls(source, stream, output, start, stack, warnings)
        except (InputError, av.FFmpegError, ValueError, OSError) as error:
            warnings.append(f"the audio of {path.name} was left out ({error})")
            stack.close()
            return None

    def copy(self, until: float) -> None:
        """Write the audio packets that start before `until` seconds of the output."""
        while (packet := self._held_back or next(self._packets, None)) is not None:
            if float(((packet.pts or 0) - self._shift) * self._time_base) >= until:
                self._held_back = packet
                return
            self._held_back = None
            self._write(packet)

    def finish(self) -> None:
        """Flush the encoder."""
        if not self._copied:
            self._output.mux(self._target.encode(None))

    def close(self) -> None:
        """Close the source."""
        self._stack.close()

    def _packets_after_start(self, source: InputContainer, stream: AudioStream) -> Iterator[av.Packet]:
        """The source's packets that play after the start, up to the first read error."""
        try:
            for packet in source.demux(stream):
                if packet.size and packet.pts is not None and packet.pts + (packet.duration or 0) >= self._shift:
                    yield packet
        except av.FFmpegError as error:
            self._warnings.append(f"the audio of the source is corrupt and ends early ({error.strerror})")

    def _write(self, packet: av.Packet) -> None:
        if self._copied:
            packet.stream = self._target
            packet.pts = (packet.pts or 0) - self._shift
            packet.dts = packet.pts
            self._output.mux(packet)
            return
        try:
            frames = self._source.decode(packet)
        except av.FFmpegError:
            return
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= self._shift
                self._output.mux(self._target.encode(frame))
