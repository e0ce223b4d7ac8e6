"""Simulated output of the keypoint networks: measured or Gaussian errors, occlusion, swapped sides, unknown lens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinema.skeleton import BLAZEPOSE33
from kinema.training.torch_random import TorchRandom

NEAREST, WIDEST = 0.25, 1.2
"""Metres: a body whose hand would reach behind the camera is moved away until all of it is in front. Points that come
closer later, or leave a field of view of 100 degrees (this is the tangent of half of it), are not seen."""

CLOSE = 1.6
"""Metres: a camera closer than this rarely shows a whole person."""


def observe(
    points: Tensor, rng: TorchRandom, taps: Sequence[int], errors: dict[str, Tensor] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Simulated network output: rays (N,W,33,2), confidence (N,W,33), landmarks (N,W,33,3).

    points (N,W,33,3): the true landmarks, in frames `taps`. errors: measured ones (`kinema.training.windows`), drawn as
    runs of frames; without them a Gaussian model of their typical size.
    """
    count, frames = points.shape[:2]
    rays = screen(points)
    left, right = BLAZEPOSE33.index("left_hip"), BLAZEPOSE33.index("right_hip")
    middle = 0.5 * (points[:, :, left] + points[:, :, right])
    landmarks = points - middle[:, :, None]
    metre = (1.0 / middle[..., 2].clamp(min=0.3))[..., None, None]  # one metre at the person, at depth 1
    flat = 0.016 * rng.uniform(0.4, 1.6, count, 1, 1, 1) * rng.smooth(count, taps, 3.0, 33, 2)
    flat = flat + 0.012 * rng.normal(count, 1, 33, 2)
    solid = rng.smooth(count, taps, 5.0, 33, 3) + rng.normal(count, 1, 33, 3)
    size = torch.tensor([0.035, 0.035, 0.075], device=points.device) * rng.uniform(0.5, 1.6, count, 1, 1, 1)
    if errors is None:
        landmarks = landmarks * rng.uniform(0.85, 1.1, count, 1, 1, 1) + solid * size
        confidence = rng.uniform(0.6, 0.99, count, frames, 33)
    else:
        which, rows = errors_of_similar_poses(landmarks, errors["truth"], taps, rng)
        measured = {n: errors[n][which, rows] for n in ("flat", "solid", "confidence")}
        flat = 0.4 * flat + measured["flat"] * rng.uniform(0.6, 1.3, count, 1, 1, 1)
        landmarks = (landmarks.reshape(count, frames, 99) @ errors["response"]).reshape(landmarks.shape)
        landmarks = landmarks + measured["solid"] * rng.uniform(0.8, 1.4, count, 1, 1, 1) + 0.5 * solid * size
        confidence = measured["confidence"]
    confidence = confidence * seen_share(points, rays)
    rays = rays + flat * metre
    return degraded(rays, confidence, landmarks, metre, rng, taps)


def errors_of_similar_poses(
    landmarks: Tensor, truth: Tensor, taps: Sequence[int], rng: TorchRandom, candidates: int = 400
) -> tuple[Tensor, Tensor]:
    """For each sample, measured errors from a similar pose and the frames around it.

    Errors depend on pose and view: an arm in front of the trunk is mislocated differently from one at its side.
    landmarks (N,W,K,3) of the samples in frames `taps`, truth (M,T,K,3) of the measured windows, which are reflected in
    time beyond their ends. Returns windows (N,1) and rows (N,W). The nearest of some random candidates is taken, so
    that the choice varies.
    """
    window, row = rng.integers(len(truth), candidates), rng.integers(truth.shape[1], candidates)
    poses = truth[window, row].reshape(candidates, -1)
    middle = landmarks[:, len(taps) // 2].reshape(len(landmarks), -1)
    nearest = torch.cdist(middle, poses).argmin(1)
    rows, last = row[nearest][:, None] + film_rows(taps, landmarks.device), truth.shape[1] - 1
    return window[nearest][:, None], last - (rows % (2 * last) - last).abs()


def film_rows(taps: Sequence[int], device: torch.device) -> Tensor:
    """(W,) frames `taps` of a lifter, at 30 per second, in frames of `LIFTER_FILM`."""
    return torch.tensor(taps, device=device) // 3


def degraded(
    rays: Tensor, confidence: Tensor, landmarks: Tensor, metre: Tensor, rng: TorchRandom, taps: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """The observations with parts occluded or swapped, the 3D estimate sometimes missing, and an unknown lens.

    rays (N,W,33,2), confidence (N,W,33), landmarks (N,W,33,3); metre (N,W,1,1): one metre at the person, at depth 1.
    """
    count = len(rays)
    rays, confidence, landmarks = _occluded(rays, confidence, landmarks, metre, rng, taps)
    # Sometimes without the 3D estimate: the image geometry must suffice by itself.
    landmarks = landmarks * ~rng.below(0.2, count, 1, 1, 1)
    # The focal length is often a guess: simulate a lens with a different one.
    return rays * torch.exp(0.15 * rng.normal(count, 1, 1, 1)), confidence, landmarks


def screen(points: Tensor) -> Tensor:
    """Rays (..., 2) of points (..., 3), kept finite for points that a camera cannot see."""
    return (points[..., :2] / points[..., 2:].clamp(min=NEAREST)).clamp(-2 * WIDEST, 2 * WIDEST)


def seen_share(points: Tensor, rays: Tensor) -> Tensor:
    """(N,W,K) 1 for points (N,W,K,3) that a camera can see, at rays (N,W,K,2), else 0."""
    return ((points[..., 2] > NEAREST) & (rays.abs().amax(-1) < WIDEST)).float()


def out_of_image(local: Tensor, metre: Tensor, rng: TorchRandom) -> Tensor:
    """Points (N,W,K) cut off by the image border: those beyond a line below, above or beside some of the people.

    local (N,W,K,2): the points in the image, in metres from the torso's middle; metre (N,W,1,1): as for `degraded`.
    People close to the camera are mostly cut off, and mostly at the bottom.
    """
    count, middle = len(local), metre.shape[1] // 2
    close = metre[:, middle] > 1.0 / CLOSE
    cut = rng.uniform(0, 1, count, 1, 1) < torch.where(close, 0.85, 0.22)
    side = rng.uniform(0, 1, count, 1, 1)
    below, beside = side < torch.where(close, 0.9, 0.6), side > torch.where(close, 0.92, 0.75)
    sign = torch.where(rng.below(0.5, count, 1, 1), 1.0, -1.0)
    along = torch.where(below, local[..., 1], torch.where(beside, sign * local[..., 0], -local[..., 1]))
    return (along > rng.uniform(0.05, 0.7, count, 1, 1)) & cut


def guessed_confidence(cut: Tensor, rng: TorchRandom) -> Tensor:
    """Low confidences (N,W,K) of points that are not seen: for points outside the image, cut (N,W,K), most networks
    give zero."""
    none = cut & rng.below(0.7, len(cut), 1, 1)
    return torch.where(none, 0.0, rng.uniform(0.0, 0.3, *cut.shape))


# Groups of landmarks that are occluded together (head, arms, legs), and that swap sides together.
_PARTS = [
    0 if i <= 10 else (1 if n.startswith("left") else 2) + (0 if i < 23 else 2)
    for i, n in enumerate(BLAZEPOSE33.joints)
]
_SWAPS = [0 if i <= 10 else 1 if i < 23 else 2 for i in range(len(BLAZEPOSE33))]


def _occluded(
    rays: Tensor, confidence: Tensor, landmarks: Tensor, metre: Tensor, rng: TorchRandom, taps: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Landmarks out of frame, occluded, lost or swapped."""
    count, frames, device = *rays.shape[:2], rays.device
    centre = rays[:, :, [11, 12, 23, 24]].mean(2, keepdim=True)
    cut = out_of_image((rays - centre) / metre, metre, rng)
    hidden = rng.smooth(count, taps, 10.0, max(_PARTS) + 1) > 1.9
    out = cut | hidden[:, :, torch.tensor(_PARTS, device=device)]
    out = out | rng.below(0.01, count, frames, 33) | rng.below(0.01, count, frames, 1)
    low = guessed_confidence(cut, rng)
    confidence = torch.where(out, low * (low > 0.05), confidence)
    # An occluded landmark is a guess: off by decimetres, in the image and in depth.
    displacement = out[..., None] * 0.12 * rng.normal(count, frames, 33, 5)
    swapped = (rng.smooth(count, taps, 2.0, 3) > 2.6)[:, :, torch.tensor(_SWAPS, device=device)]
    mirror = torch.tensor(BLAZEPOSE33.mirror, device=device)
    rays = torch.where(swapped[..., None], rays[:, :, mirror], rays)
    landmarks = torch.where(swapped[..., None], landmarks[:, :, mirror], landmarks)
    return rays + displacement[..., :2] * metre, confidence, landmarks + displacement[..., 2:]
