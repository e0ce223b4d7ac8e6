"""Rendered images and videos of a motion with known ground truth.

    for image in render_frames(motion, body, seed=7): ...  # (H,W,3) uint8, the motion's own camera
    render_clip(motion, body, "clip.mp4", seed=7)

The scene: a dressed body in a textured room, lit by one main light, with its shadow on the floor, imaged
with lens blur and sensor noise. Realistic enough for person detectors to work.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kinema.errors import UsageError
from kinema.geometry.camera import scaled_intrinsics
from kinema.geometry.meshes import Topology
from kinema.motion import Motion
from kinema.progress import Progress, silent
from kinema.synthetic.room import Room
from kinema.synthetic.style import Style, dressed, vertex_colors
from kinema.visualization.ground import floor_shadow
from kinema.visualization.posing import PosedPeople
from kinema.visualization.raster import Box
from kinema.visualization.renderer import Light, Mesh, MeshRenderer, Rendering

if TYPE_CHECKING:
    from kinema.body import BodyModel

_SCALE = 2
"""The body is rendered this much larger and averaged, so that edges inside the silhouette are antialiased too."""
_MARGIN = 64
"""Extra rows and columns of noise, so that each frame takes a different crop."""


def render_frames(
    motion: Motion,
    body: BodyModel,
    *,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    style: Style | None = None,
    intrinsics: np.ndarray | None = None,
    surroundings: float = 0.0,
) -> Iterator[np.ndarray]:
    """Every frame of a motion as (H,W,3) uint8 RGB, seen from its camera.

    motion: people with pose, betas and transl, and a camera with a pose in the world. size: width and height
    of the images, default the motion's; another size scales the image and must keep its aspect ratio.
    seed: of the sensor noise and, without `style`, of the whole appearance. intrinsics (T,3,3): of each frame, for
    zoom, instead of the camera's own. surroundings: metres by which the walls are further away. Raises UsageError if
    the motion lacks one of these.
    """
    scene = _Scene(motion, body, Style.random(seed) if style is None else style, seed, surroundings=surroundings)
    size = (motion.width, motion.height) if size is None else size
    scale = size[0] / motion.width
    if abs(size[1] - scale * motion.height) > 1:
        raise UsageError(f"size {size} does not have the proportions of the motion, {motion.width}x{motion.height}")
    empty: np.ndarray | None = None
    for frame in range(motion.num_frames):
        lens = scaled_intrinsics(scene.camera.intrinsics if intrinsics is None else intrinsics[frame], scale)
        if empty is None or scene.moving:
            empty = scene.background(frame, size, lens)
        yield scene.image(frame, size, lens, empty)


def render_clip(
    motion: Motion,
    body: BodyModel,
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    style: Style | None = None,
    progress: Progress = silent,
) -> Path:
    """Write the motion as a video with its own times; arguments as for `render_frames`. Returns the path."""
    from kinema.video import VideoWriter

    width, height = (motion.width, motion.height) if size is None else size
    with VideoWriter(Path(path), width, height) as writer:
        images = render_frames(motion, body, size=size, seed=seed, style=style)
        for done, (time, image) in enumerate(zip(motion.times, images, strict=True), start=1):
            writer.write(image, float(time))
            progress(done, motion.num_frames)
    return Path(path)


class _Scene:
    """Body, room and light of one rendering job; renders single frames."""

    def __init__(self, motion: Motion, body: BodyModel, style: Style, seed: int, *, surroundings: float = 0.0) -> None:
        camera = motion.camera
        if camera is None or camera.rotation is None or camera.translation is None:
            raise UsageError("rendering needs a motion whose camera has a pose in the world; give it one first")
        for person in motion:
            person.require("pose", "betas", "transl")
        self.motion, self.body, self.style = motion, body, style
        self.topology = Topology(body.faces, len(body.weights))
        self.camera = camera
        self.distortion = camera.distortion
        self.moving = camera.rotation.ndim == 3
        self._rotation, self._translation = camera.rotation, camera.translation
        self.colors = [vertex_colors(body, dressed(style, number)) for number in range(len(motion.people))]
        positions = [_in_world(np.zeros((1, 3)), camera.rotation, camera.translation)]
        for person in motion:
            (transl,) = person.require("transl")
            positions.append(_in_world(transl, *self.pose(person.frames)))
        within = np.concatenate(positions)
        if surroundings > 0:
            within = np.concatenate([within - surroundings, within + surroundings])
        self.room = Room(style, within)
        self.rng = np.random.default_rng([seed, 0x40153])
        self.people = PosedPeople(motion, body)
        self.gain = (255 * np.array(style.tint) * style.exposure ** (1 / 2.2)).astype(np.float32)
        self._noise: np.ndarray | None = None

    def pose(self, frame: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World to camera in one or several frames: rotation (..., 3,3), translation (..., 3)."""
        if self.moving:
            return self._rotation[frame], self._translation[frame]
        return self._rotation, self._translation

    def background(self, frame: int, size: tuple[int, int], intrinsics: np.ndarray) -> np.ndarray:
        """The empty room, (H,W,3) float32 in grey levels of the final image."""
        return np.asarray(self.room.view(size, intrinsics, *self.pose(frame), self.distortion) * self.gain)

    def image(self, frame: int, size: tuple[int, int], intrinsics: np.ndarray, empty: np.ndarray) -> np.ndarray:
        """One frame rendered over the empty room, (H,W,3) uint8."""
        (rotation, translation), canvas = self.pose(frame), empty.copy()
        bodies = self.people.at(frame)
        for posed in bodies:
            self._shade_floor(canvas, posed.vertices, rotation, translation, intrinsics)
        fine = MeshRenderer(_SCALE * size[0], _SCALE * size[1], light=self._light(rotation))
        meshes = [
            Mesh(posed.vertices, self.body.faces, self.colors[posed.number], topology=self.topology) for posed in bodies
        ]
        _composite(canvas, fine.render(meshes, scaled_intrinsics(intrinsics, _SCALE), self.distortion), self.gain)
        return self._imaged(canvas)

    def _light(self, rotation: np.ndarray) -> Light:
        style, sun = self.style, np.array(self.style.sun)
        opposite = np.array([-sun[0], 0.3 * sun[1], max(sun[2], 0.5)])

        def seen(direction: np.ndarray) -> tuple[float, float, float]:
            x, y, z = rotation @ direction
            return float(x), float(y), float(z)

        return Light(
            key=seen(sun), fill=seen(opposite), up=seen(np.array([0.0, 1, 0])), key_strength=style.key,
            fill_strength=style.fill, sky=style.sky, ground=0.45 * style.sky,
        )  # fmt: skip

    def _shade_floor(
        self,
        canvas: np.ndarray,
        vertices: np.ndarray,
        rotation: np.ndarray,
        translation: np.ndarray,
        intrinsics: np.ndarray,
    ) -> None:
        """Darken the floor in the body's shadow of the main light, and around its contact with the floor."""
        world = (np.asarray(vertices, dtype=np.float64) - translation) @ rotation
        size, faces = (canvas.shape[1], canvas.shape[0]), self.body.faces
        near_floor = (world[:, 1] < 0.35).take(faces.T).any(axis=0)
        # Direction of the light, width of the penumbra in metres, strength of the shadow, faces that cast it.
        sun, above = np.array(self.style.sun), np.array([0.0, 1.0, 0.0])
        for towards, fade, dark, casting in ((sun, 0.02, 1.0, faces), (above, 0.07, 0.7, faces[near_floor])):
            mask, box = floor_shadow(
                world, casting, towards, size, intrinsics, rotation, translation, distortion=self.distortion, fade=fade
            )
            if mask.size:
                canvas[box.slices] *= (1 - self.style.shadow * dark * mask)[..., None]

    def _imaged(self, canvas: np.ndarray) -> np.ndarray:
        """Apply lens blur, sensor noise and compression: (H,W,3) float32 in 0..255 -> uint8."""
        style = self.style
        if style.blur > 0.05:
            canvas = cv2.GaussianBlur(canvas, (0, 0), style.blur)
        canvas = canvas + self._grain(canvas.shape[0], canvas.shape[1])
        canvas += 0.5
        image = np.clip(canvas, 0, 255, out=canvas).astype(np.uint8)
        if style.jpeg is not None:
            _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, style.jpeg])
            return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
        return image

    def _grain(self, height: int, width: int) -> np.ndarray:
        """Sensor noise, (H,W,3) float32: a random crop of one large sample, instead of a new sample per frame."""
        if self._noise is None or self._noise.shape[0] < height + _MARGIN or self._noise.shape[1] < width + _MARGIN:
            shape = (height + _MARGIN, width + _MARGIN, 3)
            self._noise = np.float32(self.style.noise) * self.rng.standard_normal(shape, dtype=np.float32)
        top = self.rng.integers(self._noise.shape[0] - height + 1)
        left = self.rng.integers(self._noise.shape[1] - width + 1)
        return self._noise[top : top + height, left : left + width]


def _in_world(points: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Camera-frame points (F,3) -> world (F,3) by world-to-camera rotation (3,3) or (F,3,3), translation."""
    return np.asarray(np.squeeze(np.swapaxes(rotation, -1, -2) @ (points - translation)[..., None], -1))


def _composite(canvas: np.ndarray, fine: Rendering, gain: np.ndarray) -> None:
    """Downsample a rendering of `_SCALE` times the size, times `gain`, and composite it over `canvas`, in place."""
    if not fine.alpha.size:
        return
    left, top = fine.box.left // _SCALE, fine.box.top // _SCALE
    right, bottom = -(-fine.box.right // _SCALE), -(-fine.box.bottom // _SCALE)
    padded = np.zeros(((bottom - top) * _SCALE, (right - left) * _SCALE, 4), dtype=np.float32)
    part = fine.box.inside(Box(left * _SCALE, top * _SCALE, right * _SCALE, bottom * _SCALE))
    padded[part][..., :3] = fine.color * fine.alpha[..., None]
    padded[part][..., 3] = fine.alpha
    small = cv2.resize(padded, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    area = canvas[top:bottom, left:right]
    area *= 1 - small[..., 3:]
    area += small[..., :3] * gain
