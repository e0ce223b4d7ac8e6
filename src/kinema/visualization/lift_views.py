"""The two halves of the lift video: the frame with 2D skeletons, and the same people in 3D."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.geometry.camera import camera_from_fov, project
from kinema.geometry.meshes import Topology
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SMPL24, joint_set
from kinema.temporal.filters import gaussian
from kinema.temporal.gaps import fill_missing
from kinema.visualization.drawing import SHIFT, draw_label, pixel, thickness, track_colors
from kinema.visualization.framing import framing_translation, looking_from
from kinema.visualization.ground import floor_shadow
from kinema.visualization.posing import PosedBody
from kinema.visualization.renderer import Light, Mesh, MeshRenderer
from kinema.visualization.sides import LEFT, RIGHT, SolidSkeleton, draw_sides
from kinema.visualization.views import fitted

_AZIMUTH, _ELEVATION, _FOV = np.radians(25.0), np.radians(13.0), 36.0
_PAPER = 246
_GRIDS = ((4.0, 0.5), (9.0, 1.0), (np.inf, 2.0))  # metres: of a square of the floor, for floors up to this radius
_AROUND, _FARTHEST = 2.0, 20.0  # metres of floor around everybody, at most, where it has faded out
_FOLLOWED = 1.0  # seconds over which the view's middle is smoothed
_SMALL = 1.35  # the view stays where it is if that makes it no more than so much wider
_MOST_POINTS = 4000
_ABOVE, _BELOW = 0.25, 0.06  # metres of the body beyond its joints
_LOWEST = 1.0  # percentile of the lowest joints that stands on the floor where there is no world


class KeypointsView:
    """The source's frame, or plain paper, with everybody's 2D skeleton, right and left in their colours."""

    def __init__(self, motion: Motion, size: tuple[int, int]) -> None:
        """size: width and height. Raises InputError if there is nothing to draw."""
        self.width, self.height = size
        self.motion = motion
        self.scale = size[0] / motion.width
        self.points = [_in_image(motion, person) for person in motion]
        if all(points is None for points in self.points):
            raise InputError("the motion has neither 2D keypoints nor joints in a camera's frame, so nothing to draw")
        self.colors = track_colors([person.id for person in motion])

    def prepare(self, frame: int) -> list[PosedBody]:
        return []

    def draw(self, frame: int, image: np.ndarray, bodies: list[PosedBody]) -> np.ndarray:
        """image (H,W,3) uint8, the source's frame at any size -> (height,width,3) uint8."""
        del bodies
        canvas = fitted(image, self.width, self.height).copy()
        for person, points in zip(self.motion, self.points, strict=True):
            row = _row(person, frame)
            if row is None or points is None:
                continue
            own = person.keypoints is not None
            joints = joint_set(person.keypoint_set or "") if own else SMPL24
            sure = person.keypoint_confidence[row] if own and person.keypoint_confidence is not None else None
            here = points[row] * self.scale + (self.scale - 1) / 2
            draw_sides(canvas, here, sure, joints)
            known = here[np.isfinite(here).all(axis=-1)]
            if len(self.motion.people) > 1 and len(known):
                top = np.array([known[:, 0].mean(), known[:, 1].min() - 0.02 * self.height])
                draw_label(canvas, str(person.id), top, self.colors[person.id])
        return canvas


class SkeletonsView:
    """Everybody's 3D skeleton on the floor, from a camera that goes along with them."""

    def __init__(self, motion: Motion, size: tuple[int, int]) -> None:
        """size: width and height. Raises InputError if nobody has joints."""
        self.width, self.height = size
        self.motion = motion
        self.joints = _on_floor(motion)
        if all(joints is None for joints in self.joints):
            raise InputError("nobody in the motion has 3D joints to draw; fit bodies first, with `kinema lift`")
        self.skeleton = SolidSkeleton(SMPL24)
        self.topology: Topology | None = None
        self.colors = track_colors([person.id for person in motion])
        self.rotation = looking_from(_AZIMUTH, _ELEVATION)
        self.intrinsics = camera_from_fov(self.width, self.height, _FOV).intrinsics
        self.middle, self.translation = self._framed()
        self.reach = self._reach()
        x, y, z = self.rotation[:, 1]
        self.renderer = MeshRenderer(self.width, self.height, light=Light(up=(float(x), float(y), float(z))))

    def prepare(self, frame: int) -> list[PosedBody]:
        return []

    def draw(self, frame: int, image: np.ndarray, bodies: list[PosedBody]) -> np.ndarray:
        """The frame's people in 3D, (height,width,3) uint8; the source image is not used."""
        del image, bodies
        shift = self.translation - self.rotation @ self.middle[frame]
        canvas = np.full((self.height, self.width, 3), _PAPER, dtype=np.uint8)
        self._draw_floor(canvas, self.middle[frame], shift)
        sun = self.rotation.T @ np.array(self.renderer.light.key)
        meshes, labels = [], []
        for person, joints in zip(self.motion, self.joints, strict=True):
            row = _row(person, frame)
            if row is None or joints is None:
                continue
            vertices = self.skeleton.vertices(joints[row])
            pose = self.intrinsics, self.rotation, shift
            shadow, box = floor_shadow(vertices, self.skeleton.faces, sun, (self.width, self.height), *pose)
            if shadow.size:
                part = canvas[box.slices]
                part[...] = (part * (1 - 0.3 * shadow[..., None])).astype(np.uint8)
            colors = self.skeleton.colors(None if person.joint_seen is None else person.joint_seen[row])
            seen = vertices @ self.rotation.T + shift
            self.topology = self.topology or Topology(self.skeleton.faces, len(seen))
            meshes.append(Mesh(seen, self.skeleton.faces, colors, topology=self.topology))
            labels.append((person.id, joints[row, SMPL24.index("head")] + [0.0, _ABOVE, 0.0]))
        if meshes:
            canvas = self.renderer.render(meshes, self.intrinsics).over(canvas)
        for number, head in labels if len(self.motion.people) > 1 else ():
            draw_label(canvas, str(number), self._project(head, shift), self.colors[number])
        for text, color, place in (("right", RIGHT, 0.42), ("left", LEFT, 0.58)):
            draw_label(canvas, text, np.array([place * self.width, 0.985 * self.height]), color)
        return canvas

    def _project(self, points: np.ndarray, shift: np.ndarray) -> np.ndarray:
        return project(np.asarray(points) @ self.rotation.T + shift, self.intrinsics)

    def _framed(self) -> tuple[np.ndarray, np.ndarray]:
        """(T, 3) where the view's middle is, on the floor, and the camera's translation from there."""
        times = self.motion.times
        total, count = np.zeros((len(times), 3)), np.zeros(len(times))
        for person, joints in zip(self.motion, self.joints, strict=True):
            if joints is not None:
                total[person.frames] += joints[:, 0] * [1.0, 0.0, 1.0]
                count[person.frames] += 1
        middle = total / np.maximum(count, 1)[:, None]
        middle = fill_missing(middle, times, (count > 0)[:, None])
        if len(times) > 2:
            middle = gaussian(middle, times, sigma=_FOLLOWED)
        still = np.broadcast_to(np.median(middle, axis=0), middle.shape)
        near, wide = (self._translation(each) for each in (middle, still))
        return (still, wide) if wide[2] <= _SMALL * near[2] else (middle, near)

    def _reach(self) -> float:
        """Radius of the floor, in whole squares."""
        far = [
            np.linalg.norm((joints[:, 0] - self.middle[person.frames])[:, [0, 2]], axis=1).max(initial=0.0)
            for person, joints in zip(self.motion, self.joints, strict=True) if joints is not None
        ]  # fmt: skip
        radius = min(_AROUND + max(far), _FARTHEST)
        grid = next(size for largest, size in _GRIDS if radius <= largest)
        return float(np.ceil(radius / grid) * grid)

    def _translation(self, middle: np.ndarray) -> np.ndarray:
        """The translation of the nearest camera that always sees everybody, relative to a middle (T, 3)."""
        points = []
        for person, joints in zip(self.motion, self.joints, strict=True):
            if joints is not None:
                points.append((joints - middle[person.frames, None]).reshape(-1, 3))
        seen = np.concatenate(points)
        seen = seen[:: max(len(seen) // _MOST_POINTS, 1)]
        seen = np.concatenate([seen + [0.0, _ABOVE, 0.0], seen - [0.0, _BELOW, 0.0]])
        return framing_translation(seen, self.rotation, self.intrinsics, (self.width, self.height))

    def _draw_floor(self, canvas: np.ndarray, middle: np.ndarray, shift: np.ndarray) -> None:
        """The lines of a floor at y = 0 that fades out with the distance from the middle."""
        grid = next(size for radius, size in _GRIDS if self.reach <= radius)
        steps = np.arange(-self.reach, self.reach + grid / 2, grid)
        x, z = (np.round(middle[axis] / grid) * grid + steps for axis in (0, 2))
        corners = np.stack(np.meshgrid(x, z, indexing="ij"), axis=-1)
        ground = np.stack([corners[..., 0], np.zeros(corners.shape[:2]), corners[..., 1]], axis=-1)
        seen = ground @ self.rotation.T + shift
        pixels = project(seen, self.intrinsics)
        away = np.linalg.norm(ground - middle * [1.0, 0.0, 1.0], axis=-1) / self.reach
        line = max(1, thickness(canvas) - 1)
        for first, second in ((np.s_[:-1, :], np.s_[1:, :]), (np.s_[:, :-1], np.s_[:, 1:])):
            ends = zip(pixels[first].reshape(-1, 2), pixels[second].reshape(-1, 2), strict=True)
            fades = (away[first] + away[second]).ravel() / 2
            depths = np.minimum(seen[first][..., 2], seen[second][..., 2]).ravel()
            for (a, b), fade, depth in zip(ends, fades, depths, strict=True):
                if fade < 1 and depth > 0.2:
                    gray = int(_PAPER - 60 * (1 - fade))
                    cv2.line(canvas, pixel(a), pixel(b), (gray, gray, gray), line, cv2.LINE_AA, SHIFT)


def _row(person: Person, frame: int) -> int | None:
    """The person's row of a frame, None if they are not there."""
    row = int(np.searchsorted(person.frames, frame))
    return row if row < len(person) and person.frames[row] == frame else None


def _in_image(motion: Motion, person: Person) -> np.ndarray | None:
    """(F, K, 2) what is drawn of a person in the image: keypoints, else joints seen by the camera; None without."""
    if person.keypoints is not None:
        return person.keypoints
    if person.joints is None or motion.camera is None:
        return None
    pixels = project(person.joints, motion.camera.intrinsics, motion.camera.distortion)
    return np.where(person.joints[..., 2:] > 0.1, pixels, np.nan)


def _on_floor(motion: Motion) -> list[np.ndarray | None]:
    """Joints (F, 24, 3) of everybody, y up, floor at 0: in the world, else in the camera's frame, turned upright."""
    if any(person.joints_world is not None for person in motion):
        return [person.joints_world for person in motion]
    upright = [None if person.joints is None else person.joints * [1.0, -1.0, -1.0] for person in motion]
    heights = [joints[..., 1].min(axis=1) for joints in upright if joints is not None and len(joints)]
    floor = float(np.percentile(np.concatenate(heights), _LOWEST)) if heights else 0.0
    return [None if joints is None else joints - [0.0, floor, 0.0] for joints in upright]
