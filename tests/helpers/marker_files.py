"""TRC and C3D files of given points, in the many ways in which programs write them; independent of Kinema's writers."""

from __future__ import annotations

import struct

import numpy as np

MARK = {"intel": 84, "dec": 85, "mips": 86}


def trc_text(points, names, *, rate=60.0, units="m", times=None, missing=(), missing_cell=""):
    """points (T,M,3) in `units`; missing: pairs of frame and marker."""
    count = len(points)
    times = np.arange(count) / rate if times is None else times
    lines = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate:g}\t{rate:g}\t{count}\t{len(names)}\t{units}\t{rate:g}\t1\t{count}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(names)) for axis in "XYZ"),
        "",
    ]
    for i, row in enumerate(np.asarray(points).reshape(count, -1)):
        cells = [missing_cell if (i, j // 3) in missing else f"{value:.9f}" for j, value in enumerate(row)]
        lines.append("\t".join([str(i + 1), f"{times[i]:.9f}", *cells]))
    return "\n".join(lines) + "\n"


def c3d_bytes(
    points, names, *, processor="intel", scale=None, away=None, analogue=0, rate=100.0, first=1, units="mm",
    trial=None, header_last=None, frames=True, angles=(), up="+Z",
):  # fmt: skip
    """A C3D of points (T,M,3), z up. scale: of integers, None for floats. away (T,M) bool: no point. analogue: values
    a frame. trial: first and last frame as TRIAL states them; header_last: as the header does."""
    order = ">" if processor == "mips" else "<"
    count, markers = points.shape[:2]

    def real(values):
        data = np.asarray(values, f"{order}f4")
        if processor != "dec":
            return data.tobytes()
        return (np.asarray(values, "<f4") * 4).view("<u2").reshape(-1, 2)[:, ::-1].tobytes()  # halves swapped, 4 times

    def whole(*values):
        return struct.pack(f"{order}{len(values)}H", *values)

    def record(name, group, content):
        return struct.pack("bb", len(name), group) + name.encode() + whole(len(content) + 2) + content

    def parameter(name, group, kind, dimensions, data):
        return record(name, group, struct.pack("bB", kind, len(dimensions)) + bytes(dimensions) + data + b"\0")

    def text(name, group, values):
        width = max([1, *map(len, values)])
        data = b"".join(value.ljust(width).encode() for value in values)
        return parameter(name, group, -1, [width, len(values)], data)

    def section(blocks):
        records = record("POINT", -1, b"\0") + record("TRIAL", -2, b"\0")
        records += parameter("USED", 1, 2, [], whole(markers)) + parameter("DATA_START", 1, 2, [], whole(2 + blocks))
        records += parameter("SCALE", 1, 4, [], real([-1.0 if scale is None else scale]))
        records += parameter("RATE", 1, 4, [], real([rate])) + text("UNITS", 1, [units]) + text("Y_SCREEN", 1, [up])
        records += parameter("FRAMES", 1, 2, [], whole(count)) if frames else b""
        for part in range(0, markers, 255):
            records += text("LABELS" + (str(part // 255 + 1) if part else ""), 1, names[part : part + 255])
        records += text("ANGLES", 1, angles) if angles else b""
        if trial is not None:
            records += parameter("ACTUAL_START_FIELD", 2, 2, [2], whole(trial[0], 0))
            records += parameter("ACTUAL_END_FIELD", 2, 2, [2], whole(trial[1], 0))
        return struct.pack("BBBB", 1, 0x50, blocks, MARK[processor]) + records + b"\0\0"

    blocks = 1
    while len(section(blocks)) > 512 * blocks:
        blocks += 1
    last = first + count - 1 if header_last is None else header_last
    head = bytes([2, 0x50]) + whole(markers, analogue, first, last, 0) + real([-1.0 if scale is None else scale])
    head += whole(2 + blocks, 1) + real([rate])
    away = np.zeros((count, markers), bool) if away is None else away
    rows = []
    for frame, gone in zip(points, away, strict=True):
        residual = np.where(gone, -1.0, 0.0)
        values = np.concatenate([np.where(gone[:, None], 0, frame), residual[:, None]], axis=1)
        if scale is None:
            rows.append(real(values.ravel()) + real(np.zeros(analogue)))
        else:
            words = np.round(values / [scale, scale, scale, 1.0])
            rows.append(np.asarray(words, f"{order}i2").tobytes() + bytes(2 * analogue))
    data = b"".join(rows)
    return (
        head.ljust(512, b"\0")
        + section(blocks).ljust(512 * blocks, b"\0")
        + data.ljust(-(-len(data) // 512) * 512, b"\0")
    )
