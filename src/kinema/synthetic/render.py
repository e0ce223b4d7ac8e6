"""Rendered images and videos of a motion whose truth is known.

    for image in render_frames(motion, body, seed=7): ...        # (H,W,3) uint8, the motion's own camera
    for crop in render_crops(motion, body, size=320, seed=7): ...  # around each person, with its intrinsics
    render_clip(motion, body, "clip.mp4", seed=7)

The scene: a dressed body in a textured room, lit by one main light, with its shadow on the floor, seen
through a lens with some blur and a sensor with some noise. Real enough for person detectors to work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kinema.errors import UsageError
from kinema.geometry.cameras import project
from kinema.motion import Motion, Person
from kinema.progress import Progress, silent
from kinema.synthetic.room import Room
from kinema.synthetic.style import Style, vertex_colors
from kinema.visualization.raster import Box, bounding_box, fragments
from kinema.visualization.renderer import Light, Mesh, MeshRenderer, Rendering

if TYPE_CHECKING:
    from kinema.body import BodyModel

_FINE = 2
"""The body is drawn this much larger and averaged, so that an arm before the trunk has a clean outline too."""
_CHUNK = 32


@dataclass(frozen=True)
class Crop:
    """An image around one person. frame: index into the motion's times; person: its id; image (S,S,3) uint8 RGB;
    intrinsics (3,3): project the person's camera-frame joints into this image.
    """

    frame: int
    person: int
    image: np.ndarray
    intrinsics: np.ndarray


def render_frames(
    motion: Motion,
    body: BodyModel,
    *,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    style: Style | None = None,
) -> Iterator[np.ndarray]:
    """Every frame of a motion as (H,W,3) uint8 RGB, as its camera sees it.

    motion: people with pose, betas and transl, and a camera that stands in the world. size: width and height
    of the images, default the motion's; another size scales the picture and must keep its proportions.
    seed: of the sensor's noise and, where no `style` is given, of the whole look. Raises UsageError where the
    motion lacks something.
    """
    scene = _Scene(motion, body, Style.random(seed) if style is None else style, seed)
    size = (motion.width, motion.height) if size is None else size
    scale = size[0] / motion.width
    if abs(size[1] - scale * motion.height) > 1:
        raise UsageError(f"size {size} does not have the proportions of the motion, {motion.width}x{motion.height}")
    intrinsics = scaled_intrinsics(scene.camera.intrinsics, scale)
    rows = [{int(frame): row for row, frame in enumerate(person.frames)} for person in motion]
    empty: np.ndarray | None = None
    for frame in range(motion.num_frames):
        here = [(p, rows[p][frame]) for p in range(len(rows)) if frame in rows[p]]
        if empty is None or scene.moving:
            empty = scene.background(frame, size, intrinsics)
        yield scene.image(frame, here, size, intrinsics, empty)


def render_crops(
    motion: Motion,
    body: BodyModel,
    *,
    size: int = 320,
    seed: int = 0,
    style: Style | None = None,
    margin: float = 1.3,
    frames: Sequence[int] | None = None,
) -> Iterator[Crop]:
    """A square image around each person in each frame where it is seen; fast, for measuring detectors.

    size: pixels; margin: the image's side over the longer side of the person's box; frames: which ones,
    default all. The lens's distortion is left out. Other arguments as for `render_frames`.
    """
    scene = _Scene(motion, body, Style.random(seed) if style is None else style, seed, distorted=False)
    wanted = None if frames is None else {int(frame) for frame in frames}
    rng = np.random.default_rng([seed, 0xC409])
    for number, person in enumerate(motion):
        (boxes,) = person.require("boxes")
        for row, frame in enumerate(person.frames):
            extent = float(np.max(boxes[row, 2:] - boxes[row, :2]))
            if (wanted is not None and int(frame) not in wanted) or not extent > 1:
                continue
            side = extent * margin
            middle = (boxes[row, :2] + boxes[row, 2:]) / 2 + rng.uniform(-0.04, 0.04, 2) * side
            scale = size / side
            corner = middle - (size / 2 - 0.5) / scale
            shift = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]], [0, 0, 1]])
            intrinsics = np.diag([scale, scale, 1.0]) @ shift @ scene.camera.intrinsics
            empty = scene.background(int(frame), (size, size), intrinsics)
            others = [(n, r) for n in range(len(motion.people)) if (r := _row(motion.people[n], frame)) is not None]
            image = scene.image(int(frame), others, (size, size), intrinsics, empty)
            yield Crop(int(frame), motion.people[number].id, image, intrinsics)


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
    """Write the motion as a video at its own times; arguments as for `render_frames`. Returns the path."""
    from kinema.video import VideoWriter

    width, height = (motion.width, motion.height) if size is None else size
    with VideoWriter(Path(path), width, height) as writer:
        images = render_frames(motion, body, size=size, seed=seed, style=style)
        for done, (time, image) in enumerate(zip(motion.times, images, strict=True), start=1):
            writer.write(image, float(time))
            progress(done, motion.num_frames)
    return Path(path)


def scaled_intrinsics(intrinsics: np.ndarray, scale: float) -> np.ndarray:
    """Intrinsics (3,3) for the same picture at another size; pixel centres are at integers."""
    shift = (scale - 1) / 2
    return np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]]) @ np.asarray(intrinsics)


def _row(person: Person, frame: int) -> int | None:
    row = int(np.searchsorted(person.frames, frame))
    return row if row < len(person.frames) and person.frames[row] == frame else None


class _Scene:
    """Body, room and light of one rendering job; knows how one frame looks."""

    def __init__(self, motion: Motion, body: BodyModel, style: Style, seed: int, *, distorted: bool = True) -> None:
        camera = motion.camera
        if camera is None or camera.rotation is None or camera.translation is None:
            raise UsageError("rendering needs a motion whose camera stands in the world; give it one first")
        for person in motion:
            person.require("pose", "betas", "transl")
        self.motion, self.body, self.style = motion, body, style
        self.camera = camera
        self.distortion = camera.distortion if distorted else None
        self.moving = camera.rotation.ndim == 3
        self._rotation, self._translation = camera.rotation, camera.translation
        self.colors = vertex_colors(body, style)
        self.room = Room(style)
        self.rng = np.random.default_rng([seed, 0x40153])
        self.posed: dict[int, tuple[int, np.ndarray]] = {}

    def pose(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """World to camera in one frame: rotation (3,3), translation (3,)."""
        if self.moving:
            return self._rotation[frame], self._translation[frame]
        return self._rotation, self._translation

    def background(self, frame: int, size: tuple[int, int], intrinsics: np.ndarray) -> np.ndarray:
        return self.room.view(size, intrinsics, *self.pose(frame), self.distortion)

    def vertices(self, number: int, row: int) -> np.ndarray:
        """Person `number` in its frame `row`, (V,3) camera frame; posed in chunks, since frames come in order."""
        start, block = self.posed.get(number, (0, np.zeros((0, 0, 3))))
        if not start <= row < start + len(block):
            person, rows = self.motion.people[number], slice(row, row + _CHUNK)
            pose, betas, transl = person.require("pose", "betas", "transl")
            start, block = row, self.body.vertices(pose[rows], betas[rows], transl[rows])
            self.posed[number] = (start, block)
        return block[row - start]

    def image(
        self,
        frame: int,
        people: list[tuple[int, int]],
        size: tuple[int, int],
        intrinsics: np.ndarray,
        empty: np.ndarray,
    ) -> np.ndarray:
        """One frame, (H,W,3) uint8. people: (index of the person, its row)."""
        (rotation, translation), picture = self.pose(frame), empty.copy()
        bodies = [self.vertices(number, row) for number, row in people]
        for vertices in bodies:
            self._shade_floor(picture, vertices, rotation, translation, intrinsics)
        fine = MeshRenderer(_FINE * size[0], _FINE * size[1], light=self._light(rotation))
        meshes = [Mesh(vertices, self.body.faces, self.colors) for vertices in bodies]
        _lay(picture, fine.render(meshes, scaled_intrinsics(intrinsics, _FINE), self.distortion))
        return self._photograph(picture)

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
        picture: np.ndarray,
        vertices: np.ndarray,
        rotation: np.ndarray,
        translation: np.ndarray,
        intrinsics: np.ndarray,
    ) -> None:
        """Darken the floor where the body keeps the main light away, and around what stands on it."""
        world = (np.asarray(vertices, dtype=np.float64) - translation) @ rotation
        size = picture.shape[1], picture.shape[0]
        sun, focal = np.array(self.style.sun), float(intrinsics[0, 0])
        low = world[:, 1] < 0.35
        everything = np.ones(len(world), dtype=bool)
        # Direction of the light, metres over which its shadow fades, how dark it is, what casts it.
        for towards, fade, dark, casts in ((sun, 0.02, 1.0, everything), (np.array([0.0, 1, 0]), 0.07, 0.7, low)):
            fallen = world - world[:, 1:2] * (towards / towards[1])
            seen = fallen @ rotation.T + translation
            usable = casts & (seen[:, 2] > 0.3)
            corners = usable[self.body.faces.T]
            faces = self.body.faces[corners[0] & corners[1] & corners[2]]
            if not len(faces):
                continue
            pixels = project(seen, intrinsics, self.distortion)
            sigma = max(fade * focal / float(np.median(seen[usable, 2])), 0.5)
            mask, box = _silhouette(pixels, faces, size, pad=int(3 * sigma) + 1)
            if mask.size:
                mask = cv2.GaussianBlur(mask, (0, 0), sigma)
                picture[box.slices] *= (1 - self.style.shadow * dark * mask)[..., None]

    def _photograph(self, picture: np.ndarray) -> np.ndarray:
        """What the camera makes of the light: exposure, tint, blur, noise, compression."""
        style = self.style
        gain = (np.array(style.tint) * style.exposure ** (1 / 2.2) * 255).astype(np.float32)
        picture = picture * gain
        if style.blur > 0.05:
            picture = cv2.GaussianBlur(picture, (0, 0), style.blur)
        if style.noise > 0:
            noise = self.rng.standard_normal(picture.shape, dtype=np.float32)
            picture += np.float32(style.noise) * noise
        image = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
        if style.jpeg is not None:
            _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, style.jpeg])
            return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
        return image


def _silhouette(pixels: np.ndarray, faces: np.ndarray, size: tuple[int, int], pad: int) -> tuple[np.ndarray, Box]:
    """Which pixels any face covers, from either side: (h,w) float32 in the returned box, `pad` wider all around."""
    box = bounding_box(pixels, faces, *size)
    if box is None:
        return np.zeros((0, 0), np.float32), Box(0, 0, 0, 0)
    left, top = max(box.left - pad, 0), max(box.top - pad, 0)
    box = Box(left, top, min(box.right + pad, size[0]), min(box.bottom + pad, size[1]))
    mask = np.zeros(box.height * box.width, np.float32)
    mask[fragments(pixels, faces, box).index] = 1
    return mask.reshape(box.height, box.width), box


def _lay(picture: np.ndarray, fine: Rendering) -> None:
    """Average a rendering of `_FINE` times the size and lay it over the picture (H,W,3) float, in place."""
    if not fine.alpha.size:
        return
    left, top = fine.box.left // _FINE, fine.box.top // _FINE
    right, bottom = -(-fine.box.right // _FINE), -(-fine.box.bottom // _FINE)
    grown = np.zeros(((bottom - top) * _FINE, (right - left) * _FINE, 4), dtype=np.float32)
    part = fine.box.inside(Box(left * _FINE, top * _FINE, right * _FINE, bottom * _FINE))
    grown[part][..., :3] = fine.color * fine.alpha[..., None]
    grown[part][..., 3] = fine.alpha
    small = cv2.resize(grown, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    area = picture[top:bottom, left:right]
    area *= 1 - small[..., 3:]
    area += small[..., :3]
