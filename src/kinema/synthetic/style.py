"""The appearance of a rendered scene: clothing, skin, room, light and camera, drawn from a seed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinema.errors import UsageError

if TYPE_CHECKING:
    from kinema.body import BodyModel

Color = tuple[float, float, float]

FLOORS = ("planks", "tiles", "carpet", "concrete")
WALLS = ("plaster", "bricks", "panels")
PATTERNS = ("plain", "stripes", "checks", "print")

_SKINS = ((0.96, 0.80, 0.70), (0.89, 0.69, 0.56), (0.78, 0.57, 0.43), (0.60, 0.41, 0.29), (0.40, 0.26, 0.19))
_HAIRS = ((0.10, 0.07, 0.06), (0.24, 0.15, 0.09), (0.45, 0.30, 0.16), (0.75, 0.60, 0.35), (0.55, 0.55, 0.55))
_IRISES = ((0.25, 0.15, 0.08), (0.25, 0.38, 0.50), (0.30, 0.38, 0.22))


@dataclass(frozen=True)
class Style:
    """The appearance of a scene. Colours are sRGB in [0,1].

    skin, hair, iris, shirt, second, trousers, shoes: of the person; pattern: of the shirt, one of PATTERNS, in
    the colours shirt and second. floor, wall: one of FLOORS, WALLS; floor_color, wall_color. sun: direction
    towards the main light in the world (y up); key, fill, sky: strengths of the lights; shadow: strength of
    the shadow, 0 none, 1 black. blur: standard deviation of the lens blur, pixels; noise: of the sensor, grey
    levels; exposure: factor on light; tint: factors on R, G, B; jpeg: quality, None for no compression. texture:
    seed of everything random on the surfaces.
    """

    skin: Color = _SKINS[1]
    hair: Color = _HAIRS[1]
    iris: Color = _IRISES[0]
    shirt: Color = (0.20, 0.42, 0.66)
    second: Color = (0.90, 0.90, 0.86)
    trousers: Color = (0.20, 0.21, 0.27)
    shoes: Color = (0.85, 0.84, 0.80)
    pattern: str = "plain"
    floor: str = "planks"
    wall: str = "plaster"
    floor_color: Color = (0.56, 0.44, 0.32)
    wall_color: Color = (0.78, 0.76, 0.71)
    sun: tuple[float, float, float] = (-0.5, 1.0, 0.6)
    key: float = 0.70
    fill: float = 0.18
    sky: float = 0.34
    shadow: float = 0.5
    blur: float = 0.6
    noise: float = 2.0
    exposure: float = 1.0
    tint: Color = (1.0, 1.0, 1.0)
    jpeg: int | None = None
    texture: int = 0

    def __post_init__(self) -> None:
        for name, known in (("floor", FLOORS), ("wall", WALLS), ("pattern", PATTERNS)):
            if getattr(self, name) not in known:
                raise UsageError(f"style: {name} is {getattr(self, name)!r}; choose one of {', '.join(known)}")
        if self.sun[1] <= 0:
            raise UsageError("style: sun must point upwards (a positive y component)")
        if self.jpeg is not None and not 1 <= self.jpeg <= 100:
            raise UsageError(f"style: jpeg must be between 1 and 100, found {self.jpeg}")

    @staticmethod
    def random(seed: int) -> Style:
        """An appearance drawn from `seed`: any skin and clothing, dim to bright light, clean to noisy camera."""
        rng = np.random.default_rng([seed, 0x5717E])

        def pick(colors: tuple[Color, ...]) -> Color:
            return _color(np.array(colors[rng.integers(len(colors))]) * rng.normal(1, 0.08) + rng.normal(0, 0.012, 3))

        angle, height = rng.uniform(-1.3, 1.3), rng.uniform(0.6, 2.0)
        return Style(
            skin=pick(_SKINS),
            hair=pick(_HAIRS),
            iris=pick(_IRISES),
            shirt=_surface_color(rng),
            second=_surface_color(rng),
            trousers=_surface_color(rng, dark=0.6),
            shoes=_surface_color(rng, dark=0.5),
            pattern=str(rng.choice(PATTERNS)),
            floor=str(rng.choice(FLOORS)),
            wall=str(rng.choice(WALLS)),
            floor_color=_surface_color(rng, saturation=0.35),
            wall_color=_surface_color(rng, saturation=0.3, dark=0.15),
            sun=(float(np.sin(angle)), float(height), float(np.cos(angle))),
            key=float(rng.uniform(0.35, 0.9)),
            fill=float(rng.uniform(0.08, 0.3)),
            sky=float(rng.uniform(0.2, 0.5)),
            shadow=float(rng.uniform(0.25, 0.65)),
            blur=float(rng.uniform(0.3, 1.1)),
            noise=float(rng.uniform(0.5, 6.0)),
            exposure=float(rng.uniform(0.75, 1.2)),
            tint=_color(1 + rng.normal(0, 0.05, 3), 1.3),
            jpeg=int(rng.integers(55, 96)),
            texture=int(rng.integers(2**31)),
        )


def dressed(style: Style, number: int) -> Style:
    """The style for person `number` of a scene: the first has the style's own clothing, the others random ones."""
    if number == 0:
        return style
    other = Style.random(style.texture + 7919 * number)
    personal = ("skin", "hair", "iris", "shirt", "second", "trousers", "shoes", "pattern")
    return dataclasses.replace(style, **{name: getattr(other, name) for name in personal})


def vertex_colors(body: BodyModel, style: Style) -> np.ndarray:
    """The vertex colours of a dressed body, (V,3) sRGB.

    A body without labels (a licensed SMPL file) is skin all over.
    """
    colors = np.tile(np.array(style.skin), (len(body.v_template), 1))
    if body.labels is None:
        return colors
    rest = body.v_template
    simple = {
        "hair": style.hair, "brows": tuple(0.8 * np.array(style.hair)), "iris": style.iris,
        "eye_white": (0.93, 0.92, 0.90), "lips": tuple(np.array(style.skin) * [0.86, 0.58, 0.58]),
        "trousers": style.trousers, "shoes": style.shoes,
    }  # fmt: skip
    for name, color in simple.items():
        colors[body.labels == body.label_names.index(name)] = color
    shirt = body.labels == body.label_names.index("shirt")
    mix = _pattern(style, rest[shirt])[:, None]
    colors[shirt] = (1 - mix) * np.array(style.shirt) + mix * np.array(style.second)
    return colors


def _pattern(style: Style, points: np.ndarray) -> np.ndarray:
    """Weight of the second colour at points (N,3) of the shirt in the rest pose, (N,)."""
    if style.pattern == "plain":
        return np.zeros(len(points))
    if style.pattern == "stripes":
        return (np.sin(2 * np.pi * points[:, 1] / 0.09) > 0.2).astype(float)
    if style.pattern == "checks":
        waves = np.sin(2 * np.pi * points[:, 1] / 0.11) * np.sin(2 * np.pi * points[:, 0] / 0.11)
        return np.asarray(0.7 * (waves > 0))
    chest = (np.abs(points[:, 0]) < 0.09) & (points[:, 2] > 0.08) & (points[:, 1] > -0.02)
    return np.asarray(chest.astype(float))


def _surface_color(rng: np.random.Generator, saturation: float = 0.75, dark: float = 0.3) -> Color:
    """A random colour of clothing, floors and walls."""
    gray = rng.uniform(0.12, 0.9) * (1 - dark * rng.random())
    hue = rng.uniform(-1, 1, 3)
    return _color(gray * (1 + saturation * rng.random() ** 2 * (hue - hue.mean())))


def _color(value: np.ndarray, limit: float = 0.97) -> Color:
    r, g, b = (float(x) for x in np.clip(value, 0.02, limit))
    return r, g, b
