"""Arguments made from options: names, help, defaults, choices, other spellings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest

from kinema.__main__ import main
from kinema.commands._dispatcher import COMMANDS, build_parser
from kinema.commands._options import add_settings, given, options_from
from kinema.commands._parser import Parser
from kinema.commands.refine import _settings
from kinema.errors import UsageError
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.options import MotionOptions, TruthOptions
from kinema.evaluation.truth import load_truth
from kinema.options import in_flags, require, same_as, setting, settings_of
from kinema.refinement.registry import REFINERS


@dataclass(frozen=True)
class Cooking:
    heat: float = setting(180.0, "of the oven", metavar="C")
    salt: str | Path | None = setting(None, "where the salt is", aliases=("sel",))
    steps: tuple[str, ...] = setting(
        ("mix", "bake"), "what is done (default: all)", public="step", choices=("mix", "bake")
    )
    sugar: bool = setting(True, "leave the sugar out", off=True)
    hidden: int = 3

    def __post_init__(self) -> None:
        require(self.heat < 300, "heat", "be below 300", self.heat)


@dataclass(frozen=True)
class Frying:
    heat: float = same_as(Cooking, "heat", 120.0)


@pytest.fixture
def parser() -> Parser:
    made = Parser(prog="kinema cook")
    add_settings(made, Cooking)
    return made


def test_help_has_texts_defaults_and_choices(parser):
    text = " ".join(parser.format_help().split())
    for part in ("--heat C of the oven (default: 180.0)", "--step {mix,bake}", "--no-sugar leave the sugar out"):
        assert part in text
    assert "hidden" not in text
    assert "--sel" not in text


def test_what_is_left_out_stays_with_the_options(parser):
    assert given(parser.parse_args([]), Cooking) == {}
    assert options_from(parser.parse_args([]), Cooking) == Cooking()


def test_values_become_options(parser):
    args = parser.parse_args(["--heat", "200", "--step", "bake", "--step", "bake", "--no-sugar", "--sel", "/salt"])
    assert options_from(args, Cooking) == Cooking(200.0, Path("/salt"), ("bake",), False)
    assert args.flags["heat"] == "--heat"
    assert args.flags["salt"] == "--salt"
    with pytest.raises(UsageError, match="`heat` must be below 300"):
        options_from(parser.parse_args(["--heat", "400"]), Cooking)


def test_a_setting_that_two_classes_share_is_written_once():
    mine, theirs = settings_of(Frying)["heat"], settings_of(Cooking)["heat"]
    assert dataclasses.replace(mine, default=180.0) == theirs
    assert Frying().heat == 120.0


def _leaves(parser: Parser):
    held = parser.subcommands()
    yield from [parser] if held is None else [leaf for each in held.choices.values() for leaf in _leaves(each)]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_argument_has_a_help_and_every_command_examples(name):
    held = build_parser(name).subcommands()
    for leaf in _leaves(held.choices[name]):
        nameless = [a.dest for a in leaf._actions if not a.help]
        assert nameless == []
        assert "examples:" in (leaf.epilog or held.choices[name].epilog)
        assert "--debug" in leaf.options()


SAME = {"ckpt", "output_folder", "output", "window", "gpu", "source_format"}
"""Names that things no longer have."""


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_same_thing_has_the_same_name(name):
    for leaf in _leaves(build_parser(name).subcommands().choices[name]):
        flags = leaf.flags()
        assert not set(flags) & SAME
        for dest, flag in flags.items():
            if dest not in ("format", "target_format"):
                assert flag in (f"--{dest.replace('_', '-')}", f"--no-{dest.replace('_', '-')}")
        assert flags.get("format", "--from") == "--from"


@pytest.mark.parametrize(
    ("argv", "dest", "value"),
    [
        (["pare-demo", "--vid_file", "x", "--ckpt", "c"], "checkpoint", "c"),
        (["pare-demo", "--vid_file", "x", "--output_folder", "o"], "out", "o"),
        (["pare-demo", "--vid_file", "x", "--tracking_method", "pose"], "tracking_method", "pose"),
        (["pare-demo", "--image-folder", "x", "--no_render"], "no_render", True),
        (["occlusion", "x", "--ckpt", "c"], "checkpoint", "c"),
        (["evaluate", "pare", "--dataset", "3dpw", "--ckpt", "c"], "checkpoint", "c"),
        (["train", "refiner", "--dataset", "h36m", "--out", "o", "--gpu"], "device", "cuda"),
        (["train", "refiner", "--dataset", "h36m", "--out", "o", "--rate", "25"], "fps", 25.0),
    ],
)
def test_older_spellings_still_work_and_are_not_shown(argv, dest, value):
    parser = build_parser(argv[0])
    assert getattr(parser.parse_args(argv), dest) == value
    shown = {flag for leaf in _leaves(parser.subcommands().choices[argv[0]]) for flag in leaf.options()}
    assert not {"--ckpt", "--gpu", "--output_folder", "--vid_file"} & shown


def test_defaults_of_the_evaluation_are_those_of_its_functions():
    for function, options in ((evaluate_motion, MotionOptions), (load_truth, TruthOptions)):
        for name, each in settings_of(options).items():
            assert function.__kwdefaults__[name] == each.default


def test_every_setting_of_a_refiner_is_an_argument(capsys):
    known = build_parser("refine").subcommands().choices["refine"].flags()
    for refiner in REFINERS:
        assert set(settings_of(refiner.stage.options)) - {"method"} <= set(known)
    headings = {setting.name: heading for setting, heading in _settings()}
    assert headings["strength"] == "filters"
    assert headings["lag"] == "networks"
    assert headings["jump"] == "fits"
    assert headings["missing"] == "both"


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["refine", "x.pkl", "--method", "mixer", "--lag", "2"], "--lag does not apply to mixer, which is a network"),
        (["refine", "x.pkl", "--method", "smoothnet", "--window-size", "1"], "--window-size must lie between 2 and"),
        (["refine", "x.pkl", "--method", "savgol", "--strength", "2"], "--strength must lie between 0 and 1"),
        (["occlusion", "x.png", "--patch", "0"], "--patch must be at least 1"),
        (["occlusion"], "a data set with --dataset"),
        (["evaluate", "pare", "--dataset", "3dpw", "--limit", "0"], "--limit must be at least 1"),
        (["evaluate", "motion", "x.pkl", "--truth", "t.trc", "--camera", "a"], "--camera needs the calibration"),
        (["evaluate", "refiner", "--dataset", "rendered"], "--dataset rendered needs --validation"),
        (["visualize", "a.pkl", "b.pkl", "--max-side", "5"], "--max-side must be at least 64 pixels"),
        (["demo", "--width", "5"], "--width must be 64 pixels or more"),
        (["pare-demo", "--vid-file", "x", "--min-cutoff", "0"], "--min-cutoff must be above 0"),
        (["run", "x.mp4", "--window-size", "8"], "--window-size and --representation need a --refine"),
    ],
)  # fmt: skip
def test_errors_name_the_flag(argv, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = main(argv)
    said = capsys.readouterr().err
    if sentence.startswith(("--camera", "--max-side")):
        assert code in (2, 3)
    else:
        assert code == 2
        assert sentence in said
    assert "`" not in said
    assert said.count("\n") == 1


def test_advice_to_write_elsewhere_names_the_flag_that_there_is():
    said = "cannot write to /full; choose another folder with `out`"
    assert in_flags(said, {"out": "--out"}) == "cannot write to /full; choose another folder with --out"
    assert in_flags(said, {"fps": "--fps"}) == "cannot write to /full; choose another folder"


def test_a_conversion_that_refuses_is_a_sentence(capsys):
    with pytest.raises(SystemExit):
        main(["run", "x.mp4", "--time-range", "soon"])
    assert "argument --time-range: 'soon' is not a time range" in capsys.readouterr().err
