"""Short gaps in a track are filled by interpolation; long ones stay gaps, and scraps between them are left out."""

from __future__ import annotations

import numpy as np

_FILLED = 0.5  # factor on the confidence of filled frames
_SCRAP = 5  # frames: fewer between two long gaps are somebody else, or a guess at somebody who is hidden


def without_scraps(rows: np.ndarray, times: np.ndarray, limit: float) -> np.ndarray:
    """The rows without short pieces that gaps of more than `limit` seconds separate from the others.

    A person hidden behind another is observed wrongly, if at all: in a single frame, as the person in front. The
    longest piece stays, however short. rows, times as for `fill_gaps`.
    """
    frames = rows["frame"]
    pieces = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(times[frames]) > limit + 1e-9) + 1)
    most = max(len(piece) for piece in pieces)
    kept = [piece for piece in pieces if len(piece) >= min(_SCRAP, most)]
    return rows if len(kept) == len(pieces) else rows[np.concatenate(kept)]


def fill_gaps(rows: np.ndarray, times: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """The rows with short gaps filled, and which of them were observed.

    rows (n,) of `track.row_dtype`, times (T,) seconds of the clip's frames. A gap is short when at most `limit`
    seconds lie between the frames on its two sides. Everything is interpolated linearly in time; the
    confidence of filled keypoints is half of their neighbours'.
    """
    frames = rows["frame"]
    before = np.flatnonzero(np.diff(frames) > 1)
    short = before[times[frames[before + 1]] - times[frames[before]] <= limit + 1e-9]
    if not len(short):
        return rows, np.ones(len(rows), dtype=bool)
    pieces = [rows[: short[0] + 1]]
    observed = [np.ones(len(pieces[0]), dtype=bool)]
    for place, end in zip(short, [*short[1:], len(rows) - 1], strict=True):
        pieces += [_between(rows[place], rows[place + 1], times), rows[place + 1 : end + 1]]
        observed += [np.zeros(len(pieces[-2]), dtype=bool), np.ones(len(pieces[-1]), dtype=bool)]
    return np.concatenate(pieces), np.concatenate(observed)


def _between(first: np.ndarray, last: np.ndarray, times: np.ndarray) -> np.ndarray:
    missing: np.ndarray = np.arange(first["frame"] + 1, last["frame"])
    filled = np.zeros(len(missing), dtype=first.dtype)
    filled["frame"] = missing
    part = (times[missing] - times[first["frame"]]) / (times[last["frame"]] - times[first["frame"]])
    for name in first.dtype.names:
        if name in ("frame", "crowded"):
            continue
        share = part.reshape(-1, *[1] * first[name].ndim)
        filled[name] = (1.0 - share) * first[name] + share * last[name]
    filled["visibility"] *= _FILLED
    filled["score"] *= _FILLED
    filled["crowded"] = first["crowded"] | last["crowded"]
    return filled
