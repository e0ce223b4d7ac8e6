"""Layers: a package of `kinema` imports only from the layers below its own, by any kind of import.

Read with `ast`, so that imports inside functions and under TYPE_CHECKING count like those at the top of a module.
A package here is a folder of `kinema`, or a module that lies directly in it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import kinema

PACKAGE = Path(kinema.__file__).parent

LAYERS: tuple[tuple[str, ...], ...] = (
    # Bottom: values, and pure functions on arrays
    ("_version", "_wiring", "_interrupt", "brief", "errors", "progress", "fields"),
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
"""From the bottom up. Packages of one layer do not import each other."""


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


def package_of(module: str) -> str:
    """The package that a module lies in; `kinema`'s own `__init__` counts as the package `kinema`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def test_every_package_has_a_layer():
    packages = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    packages = packages - {"__init__"} | {"kinema"}
    layers = [each for layer in LAYERS for each in layer]
    assert len(set(layers)) == len(layers)
    assert packages == set(layers), "the packages of src/kinema and the layers above differ"


def test_packages_import_from_layers_below_only():
    layer_of = {each: number for number, layer in enumerate(LAYERS) for each in layer}
    wrong = sorted(
        f"{importer} imports {imported}"
        for importer, imported in set(imports())
        if package_of(importer) != package_of(imported)
        and layer_of[package_of(importer)] <= layer_of[package_of(imported)]
    )
    assert not wrong, "not from a layer below:\n" + "\n".join(wrong)


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
