"""A moving camera's path by masked DROID-SLAM, each shot by itself: the method `droid`.

Teed and Deng 2021 with people's pixels left out, as the NLF video pipeline runs it: the field of view is searched where
nobody knows it, a camera from which too little moves stands still, and depth maps, where there are some, give metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.camera.depth_maps import DepthMaps, DepthSource, SeenDepth
from kinema.camera.metric_scale import metric_scale
from kinema.camera.options import CameraOptions
from kinema.camera.slam.shots import SavedWork, SlamShot, from_first
from kinema.errors import InputError, UsageError
from kinema.geometry.camera import CERTAIN, Camera, camera_from_fov, resized_intrinsics
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.models.droid.facts import SHRINK
from kinema.models.droid.release import weights_file
from kinema.models.droid.torch_run import NO_TORCH, DroidRun
from kinema.models.torch_inference import require_torch
from kinema.motion import Motion
from kinema.stage import Context, given

if TYPE_CHECKING:
    from torch import Tensor

    from kinema.camera.slam.images import WorkingImages
    from kinema.camera.slam.keyframes import Keyframes

HIDDEN = 0.9
"""Share of an image that people hide from which the camera cannot be found in it."""

FEW = 0.5
"""Share of the frames in which the camera must be found for its path to be relied on."""

SCALED_BY = 64
"""Keyframes whose depth maps are compared with the path's, at most."""

_PARTS = 1000
"""Of the progress, which is in thousandths: looks at a keyframe take the time, not frames."""


def files_of(options: CameraOptions) -> Mapping[str, str]:
    """sha256 by name of the checkpoint and of the depth maps or their network, which are tried. Raises UsageError
    (torch is missing), WeightsError, InputError, UnsafeFileError."""
    from kinema.weights.cache import hashed, known_sha256

    try:
        require_torch()
    except ModuleNotFoundError:
        raise UsageError(NO_TORCH) from None
    from kinema.models.droid.network import DroidNet
    from kinema.storage.checkpoints import load_torch_checkpoint

    path = weights_file(options.droid)
    DroidNet.from_tensors(load_torch_checkpoint(path), str(path))
    found = {path.name: known_sha256(path)}
    if options.depth is not None:
        found[options.depth.name] = DepthMaps(options.depth).sha256()
    if options.depth_network is not None:
        from kinema.models.metric_depth.onnx_run import check_depth_network

        check_depth_network(options.depth_network)
        _depth_of(options)  # one output, of the right kind
        found[options.depth_network.name] = hashed(options.depth_network)
    return found


def _depth_of(options: CameraOptions) -> DepthSource | None:
    """Where depth in metres comes from, if anywhere. Raises InputError."""
    if options.depth_network is None:
        return None if options.depth is None else DepthMaps(options.depth)
    from kinema.models.metric_depth.families import family_named
    from kinema.models.metric_depth.onnx_run import DepthNetwork

    return SeenDepth(DepthNetwork(options.depth_network, family_named(options.depth_family)))


def find_droid(motion: Motion, context: Context, options: CameraOptions) -> Motion:
    """The motion with the path of its camera (`kinema.camera.methods.CameraMethod`).

    People's masks hide them, or their boxes where there are no masks. The field of view is searched in the longest
    shot, if it is not certain. With `options.depth` or a network of depth the path is in metres. Work in progress is
    kept by the context's `partial`: the search, and the shots that are done.
    """
    if motion.num_frames < 2:
        raise InputError("one image shows no motion; `camera_method` droid needs a clip of two frames or more")
    work = _Work(motion, context, options)
    camera = work.camera()
    shots = [work.shot(number, slice_, camera) for number, slice_ in enumerate(motion.shots)]
    found = np.concatenate([shot.found for shot in shots])
    context.facts |= {"shots": [shot.facts() for shot in shots], "used": bool(found.mean() >= FEW)}
    if found.mean() < FEW:
        context.notes.append(
            f"the camera could be followed in {found.mean():.0%} of the frames only (people hide the rest), so there is"
            " no world"
        )
        return motion
    metric = all(shot.metric for shot in shots)
    if (depth := options.depth or options.depth_network) is not None and not metric:
        context.notes.append(
            f"{depth} has too little depth of the background in keyframes to tell how long the path is in"
            " metres; people tell instead"
        )
    path = CameraPath(
        np.concatenate([shot.rotation for shot in shots]),
        np.concatenate([shot.centre for shot in shots]),
        camera.intrinsics,
        kind="full" if any(shot.kind == "full" for shot in shots) else "static",
        metric=metric,
        found=found,
    )
    return motion.replace(camera=camera, data={**motion.data, **path_data(path)})


class _Work:
    """One clip's way from images to poses."""

    def __init__(self, motion: Motion, context: Context, options: CameraOptions) -> None:
        from kinema.camera.slam.images import WorkingImages

        self._motion, self._context = motion, context
        self._images: WorkingImages = WorkingImages(given(context.video), motion)
        self._net = DroidRun(weights_file(options.droid), self._images.size)
        self._depth = _depth_of(options)
        self._saved = SavedWork(context.partial)
        self._longest = int(np.argmax([each.stop - each.start for each in motion.shots]))
        self._done = 0.0

    def camera(self) -> Camera:
        """The motion's camera, with the field of view that fits best if it is not certain."""
        camera = given(self._motion.camera)
        if camera.focal_source in CERTAIN or camera.fov_uncertainty == 0:
            return camera
        if self._saved.fov is None:
            self._saved.put_fov(self._search(camera))
        fov = given(self._saved.fov)
        self._at(0.4)
        if np.isnan(fov):
            return camera
        from kinema.camera.slam.fields_of_view import UNCERTAINTY

        better = camera_from_fov(camera.width, camera.height, fov, "estimated", uncertainty=UNCERTAINTY)
        self._context.facts["fov_searched"] = fov
        return better.replace(moving=camera.moving, distortion=camera.distortion)

    def _search(self, camera: Camera) -> float:
        """Degrees, NaN if the camera of the longest shot stands still."""
        import torch

        from kinema.camera.slam import fields_of_view as search
        from kinema.camera.slam import settings as numbers
        from kinema.camera.slam.frontend import MotionFilter

        shot = self._motion.shots[self._longest]
        frames = range(shot.start, min(shot.stop, shot.start + search.EVERY * search.MOST), search.EVERY)
        moved = MotionFilter(self._net, numbers.SEARCHING.moved)
        with torch.inference_mode():
            candidates = list(filter(None, self._filtered(moved, frames, 0.0, 0.05)))
            if len(candidates) < 2:
                return float("nan")
            tried = self._saved.tried
            looks, runs = 0, len(search.COARSE) + len(search.FINE) - len(tried)

            def step() -> None:
                nonlocal looks
                looks += 1
                self._at(0.05 + 0.35 * looks / (runs * len(candidates)))

            def error(fov: int) -> float:
                lens = self._lens(camera_from_fov(camera.width, camera.height, fov))
                found = search.misfit(self._net, candidates, self._cells, lens, numbers.SEARCHING, step)
                self._saved.put_tried({**tried, fov: found})
                return found

            best = search.best_fov(error, tried)
        self._context.facts["fov_errors"] = {str(fov): round(each, 4) for fov, each in sorted(tried.items())}
        return float(best)

    def shot(self, number: int, where: slice, camera: Camera) -> SlamShot:
        """The path through a shot, or what was kept of it."""
        kept = self._saved.shot(number)
        if kept is not None:
            return kept
        import torch

        from kinema.camera.slam import settings as numbers
        from kinema.camera.slam.frontend import Frontend, MotionFilter, optimised

        frames = range(where.start, where.stop)
        hidden = np.array([self._images.people(frame).mean() for frame in frames]) > HIDDEN
        if number == self._longest and np.isnan(self._saved.fov or 0.0):
            return SlamShot(*_still(len(frames)), ~hidden, "static", self._depth is not None, 1)
        begin = 0.4 + 0.6 * where.start / self._motion.num_frames
        whole = 0.6 * len(frames) / self._motion.num_frames
        settings = numbers.FULL
        with torch.inference_mode():
            frontend = Frontend(self._net, self._cells, self._lens(camera), settings)
            for each in self._filtered(MotionFilter(self._net, settings.moved), frames, begin, begin + 0.6 * whole):
                if each is not None:
                    frontend(each)
            keys = frontend.finish()
            if len(keys) < 2:
                shot = SlamShot(*_still(len(frames)), ~hidden, "static", self._depth is not None, len(keys))
            else:
                optimised(self._net, keys, settings.steps[0], settings)
                self._at(begin + 0.65 * whole)
                chosen = self._scaled_by(keys)
                error, fine = optimised(self._net, keys, settings.steps[1], settings, fine=chosen)
                self._at(begin + 0.75 * whole)
                scale = self._scale(keys, fine)
                poses = self._filled(keys, frames, begin + 0.75 * whole, begin + whole)
                finite = bool(np.isfinite(poses).all())
                turns, places = from_first(poses) if finite else _still(len(frames))
                places = places * (scale or 1.0)
                shot = SlamShot(turns, places, ~hidden & finite, "full", scale is not None, len(keys), error)
        self._saved.put_shot(number, shot)
        return shot

    def _filtered(self, moved: Any, frames: range, begin: float, end: float) -> Any:
        from kinema.camera.slam.images import masked

        for done, (number, image, people) in enumerate(self._images.read(frames), start=1):
            yield moved(number, masked(image, people), people)
            self._at(begin + (end - begin) * done / len(frames))

    def _filled(self, keys: Keyframes, frames: range, begin: float, end: float) -> np.ndarray:
        """Poses (F,7) float64 of all frames of a shot."""
        from kinema.camera.slam.filling import AT_ONCE, Filler

        poses = np.zeros((len(frames), 7))
        rows = np.array(keys.times) - frames.start
        poses[rows] = keys.poses.cpu().numpy()
        filler = Filler(self._net, keys)
        known, numbers, images = set(keys.times), [], []
        for done, (number, image, _) in enumerate(self._images.read(frames), start=1):
            if number not in known:
                numbers.append(number)
                images.append(image)
            if numbers and (len(numbers) == AT_ONCE or done == len(frames)):
                poses[np.array(numbers) - frames.start] = filler(numbers, images).cpu().numpy()
                numbers, images = [], []
            self._at(begin + (end - begin) * done / len(frames))
        return poses

    def _scaled_by(self, keys: Keyframes) -> list[int]:
        """Rows of keyframes whose depth maps are compared with the path's."""
        if self._depth is None:
            return []
        known = [row for row, time in enumerate(keys.times) if time in self._depth]
        return [known[i] for i in np.unique(np.linspace(0, len(known) - 1, SCALED_BY).astype(int))] if known else []

    def _scale(self, keys: Keyframes, fine: dict[int, Tensor]) -> float | None:
        """Metres of one unit of the path: the median of what the keyframes say."""
        import cv2

        scales = []
        rows = {keys.times[row]: row for row in fine}
        for number, found in given(self._depth).of(rows, self._images) if rows else ():
            disparity = fine[rows[number]]
            depth = cv2.resize(found, self._images.size[::-1], interpolation=cv2.INTER_NEAREST)
            background = ~self._images.people(number)
            scales.append(metric_scale(1 / disparity.cpu().numpy(), depth, background))
        known = [each for each in scales if each is not None]
        return float(np.median(known)) if known else None

    @property
    def _cells(self) -> tuple[int, int]:
        return self._images.size[0] // SHRINK, self._images.size[1] // SHRINK

    def _lens(self, camera: Camera) -> Tensor:
        """fx, fy, cx, cy in pixels of the features, whose centres lie on every eighth pixel of the image."""
        import torch

        own, size = (self._motion.width, self._motion.height), self._images.size[::-1]
        (fx, _, cx), (_, fy, cy), _ = resized_intrinsics(camera.intrinsics, own, size) / SHRINK
        return torch.tensor([fx, fy, cx, cy], dtype=torch.float32, device=self._net.device)

    def _at(self, share: float) -> None:
        self._done = max(self._done, min(share, 1.0))
        self._context.progress(int(_PARTS * self._done), _PARTS)


def _still(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and positions of a camera that does not move."""
    return np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3))
