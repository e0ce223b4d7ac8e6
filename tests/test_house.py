"""The house: a room of `kinema` imports only from floors below it, in any kind of import.

Read with `ast`, so that imports inside functions and under TYPE_CHECKING count like those at the top of a module.
A room is a folder, or a module that lies directly in the package.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import kinema

PACKAGE = Path(kinema.__file__).parent

FLOORS: tuple[tuple[str, ...], ...] = (
    # Ground: values, and pure functions on arrays
    ("_version", "_wiring", "brief", "errors", "progress", "fields"),
    ("runtime", "checks", "provenance", "skeleton", "registry", "options"),
    ("geometry", "storage"),
    ("person", "video", "temporal", "metrics", "terminal"),
    ("motion", "weights"),
    ("body",),
    ("stage",),
    # Networks, one folder each
    ("models",),
    # Motion files and data sets, and the judgement of motions
    ("formats", "datasets"),
    ("quality",),
    # Stages
    ("detection", "keypoints", "lifting", "refinement", "world"),
    ("tracking", "segmentation", "estimation", "camera"),
    # Against the truth, and to look at
    ("evaluation",),
    ("visualization",),
    # Making motions, clips and networks
    ("synthetic",),
    ("training",),
    # The top
    ("pipeline",),
    ("_public",),
    ("kinema",),
    ("commands",),
    ("__main__",),
)
"""From the ground up. Rooms of one floor do not know each other."""


def imports(package: Path = PACKAGE) -> Iterator[tuple[str, str]]:
    """Every import of the package's own modules: (module that imports, module imported)."""
    root = package.parent
    names = {_name(path, root): path for path in sorted(package.rglob("*.py"))}
    for name, path in names.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parents = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                    base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
                inside = [f"{base}.{alias.name}" for alias in node.names]
                found = [each if each in names else base for each in inside]
            else:
                continue
            yield from ((name, each) for each in found if each.split(".")[0] == package.name)


def _name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The room that a module lies in; the package's own `__init__` is the room `kinema`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def test_every_room_has_a_floor():
    rooms = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    rooms = rooms - {"__init__"} | {"kinema"}
    floors = [each for floor in FLOORS for each in floor]
    assert len(set(floors)) == len(floors)
    assert rooms == set(floors), "the packages of src/kinema and the layers above differ"


def test_rooms_import_from_floors_below_only():
    floor_of = {each: number for number, floor in enumerate(FLOORS) for each in floor}
    wrong = sorted(
        f"{importer} imports {imported}"
        for importer, imported in set(imports())
        if room(importer) != room(imported) and floor_of[room(importer)] <= floor_of[room(imported)]
    )
    assert not wrong, "not from a floor below:\n" + "\n".join(wrong)


def test_what_ties_is_named(tmp_path):
    """The reader of imports sees all their kinds."""
    package = tmp_path / "kinema"
    (package / "a").mkdir(parents=True)
    (package / "b").mkdir()
    (package / "__init__.py").write_text("")
    (package / "a" / "__init__.py").write_text("from .x import y\nfrom .. import b\n")
    (package / "a" / "x.py").write_text("def y():\n    import kinema.b.z\n")
    (package / "b" / "__init__.py").write_text("if TYPE_CHECKING:\n    from kinema.a import x, other\n")
    (package / "b" / "z.py").write_text("import numpy\nfrom ..a.x import y\n")
    assert set(imports(package)) == {
        ("kinema.a", "kinema.a.x"), ("kinema.a", "kinema.b"), ("kinema.a.x", "kinema.b.z"), ("kinema.b", "kinema.a.x"),
        ("kinema.b", "kinema.a"), ("kinema.b.z", "kinema.a.x"),
    }  # fmt: skip
