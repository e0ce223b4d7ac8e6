"""Every reader and command, on files made to harm: a sentence and an exit code of the table, within 1 GB and 20 s."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.helpers.fakes import write_clip
from tests.helpers.hostile_files import hostile_files
from tests.hostile.bombs import ARCHIVES, PICKLES, WEIGHTS
from tests.hostile.cameras import CAMERAS
from tests.hostile.markers import MARKERS
from tests.hostile.mutations import honest_files, mutated
from tests.hostile.running import Server, commands, serving
from tests.hostile.values import BODIES, MOTIONS, NETWORKS, TEXTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits of a process are Linux's")

MUTATIONS, MORE_MUTATIONS = 105, 420


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder / "output") as running:
        yield running


@pytest.fixture(scope="module")
def honest(folder: Path) -> dict[str, bytes]:
    return honest_files(folder)


def lines_for(path: Path, out: Path, number: int, *, others: bool) -> Iterable[tuple[object, ...]]:
    """One of the command lines that read the file, another one for every file; or all others of them."""
    if path.suffix == ".onnx":
        return [
            (
                "refine",
                path.parent / "honest.pkl",
                "--method",
                "smoothnet",
                "--checkpoint",
                path,
                "--out",
                out / "a.pkl",
            )
        ]
    if path.suffix in (".safetensors", ".pth"):
        return [
            ("refine", path.parent / "honest.pkl", "--method", "synsp", "--checkpoint", path, "--out", out / "a.pkl")
        ]
    if path.name.startswith("body_"):
        lines: tuple[tuple[object, ...], ...] = (
            ("convert", path.parent / "honest.pkl", out / "a.pkl", "--body-model", path),
            ("export", path.parent / "honest.pkl", "--format", "glb", "--body-model", path, "--out", out / "exported"),
            ("body", "export", "--layout", "smplx", "--body-model", path, "--out", out / "body"),
        )
    else:
        lines = commands(path, out)
    return [line for place, line in enumerate(lines) if (place == number % len(lines)) != others]


def attack(
    server: Server, folder: Path, files: Iterable[tuple[str, bytes]], *, others: bool = False, together: int = 1
) -> list[str]:
    """Write the files, run the commands on them, remove them. Returns what went wrong.

    together: how many files, at most, whose command lines share a process.
    """
    wrong = []
    numbered = enumerate(files)
    while some := list(itertools.islice(numbered, together)):
        lines: list[tuple[object, ...]] = []
        for number, (name, data) in some:
            (folder / name).write_bytes(data)
            lines.extend(lines_for(folder / name, folder / "written", number, others=others))
        wrong.extend(str(answer) for answer in server.run_all(lines) if answer.wrong is not None)
        for _, (name, _data) in some:
            (folder / name).unlink()
    return wrong


TOGETHER = 15
"""Small files, of which a process can read so many one after the other."""

COSTLY = {
    *("sets", "lists", "dicts", "numbers", "memo", "small_arrays", "nested_arrays", "whole_keys"),
    *("inert.pt", "tensors.pt", "wide.safetensors", "entries.pt", "entries.npz"),
}
"""They take seconds to be refused."""

FAMILIES = {
    "pickles": {f"{name}.pkl": make for name, make in PICKLES.items() if name not in COSTLY},
    "weights": {name: make for name, make in WEIGHTS.items() if name not in COSTLY},
    "archives": {name: make for name, make in ARCHIVES.items() if name not in COSTLY},
    "motions": MOTIONS,
    "texts": TEXTS,
    "markers": MARKERS,
    "bodies": BODIES,
    "networks": NETWORKS,
}


def test_there_are_enough_of_them() -> None:
    assert sum(map(len, FAMILIES.values())) + MUTATIONS >= 300


@pytest.mark.slow
def test_files_that_use_up_their_budget(server, folder, honest) -> None:
    costly = {f"{name}.pkl": make for name, make in PICKLES.items()} | WEIGHTS | ARCHIVES
    files = ((name, make()) for name, make in costly.items() if name.removesuffix(".pkl") in COSTLY)
    wrong = attack(server, folder, files)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_hostile_files(server, folder, honest, family) -> None:
    together = 1 if family in ("pickles", "weights", "archives") else TOGETHER
    wrong = attack(server, folder, ((name, make()) for name, make in FAMILIES[family].items()), together=together)
    assert not wrong, "\n".join(wrong)


def test_mutated_honest_files(server, folder, honest) -> None:
    """The name of a file that fails has its seed: `mutated(honest, seed)` makes it again."""
    wrong = attack(server, folder, (mutated(honest, seed) for seed in range(MUTATIONS)), together=TOGETHER)
    assert not wrong, "\n".join(wrong)


def test_a_run_refuses_camera_paths_before_it_looks_at_the_video(server, tmp_path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    names = list(CAMERAS)[::12]
    for name in names:
        (tmp_path / name).write_bytes(CAMERAS[name]())
    lines = [("run", clip, "--camera", tmp_path / name, "--out", tmp_path / "out") for name in names]
    wrong = [str(answer) for answer in server.run_all(lines) if answer.wrong is not None or answer.code != 3]
    assert not wrong, "\n".join(wrong)


def test_options_beyond_all_sense(server, folder, honest) -> None:
    good = folder / "honest.pkl"
    lines: list[tuple[object, ...]] = [
        ("run", good, "--threads", "100000"),
        ("run", good, "--threads", "0"),
        ("validate", good, "--fps", "1e300", "--no-files"),
        ("validate", good, "--fps", "1" + "0" * 400, "--no-files"),
        ("convert", good, folder / "a.bvh", "--fps", "nan"),
        ("export", good, "--format", "bvh", "--rate", "1e300", "--out", folder / "written"),
        ("export", good, "--format", "trc", "--rate", "1e-300", "--out", folder / "written"),
        ("refine", good, "--method", "smoothnet", "--window-size", "9" * 30, "--out", folder / "a.pkl"),
    ]
    wrong = [str(answer) for answer in (server.run(*line) for line in lines) if answer.wrong is not None]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["motions", "bodies", "texts"])
def test_every_other_command_on_every_hostile_file(server, folder, honest, family) -> None:
    wrong = attack(server, folder, ((name, make()) for name, make in FAMILIES[family].items()), others=True)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_many_mutated_files(server, folder, honest) -> None:
    seeds = range(MUTATIONS, MUTATIONS + MORE_MUTATIONS)
    wrong = attack(server, folder, (mutated(honest, seed) for seed in seeds), together=TOGETHER)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_the_older_two_hundred(server, folder, honest) -> None:
    marker = folder / "touched"
    wrong = attack(server, folder, hostile_files(str(marker)), together=TOGETHER)
    assert not wrong, "\n".join(wrong)
    assert not marker.exists()
