"""The dispatcher: which command runs, what the user sees, which exit code comes back."""

from __future__ import annotations

import re
import subprocess
import sys
import types

import pytest

from kinema import __main__ as main_module
from kinema import __version__, errors
from kinema.__main__ import main
from kinema.commands._dispatcher import COMMANDS, FAULT, GROUPS, build_parser
from kinema.commands._parser import nearest


@pytest.fixture
def command(monkeypatch):
    """A command "probe" whose `run` the test sets."""
    module = types.ModuleType("kinema.commands.probe")
    module.DESCRIPTION = "Probes."
    module.EXAMPLES = "  kinema probe --number 3"
    module.configure = lambda parser: parser.add_argument("--number", type=int, default=1, help="how many")
    module.run = lambda args: args.number
    monkeypatch.setitem(sys.modules, "kinema.commands.probe", module)
    monkeypatch.setitem(COMMANDS, "probe", "probe something")
    return module


def raising(error):
    def run(args):
        raise error

    return run


def test_the_commands_answer_is_the_exit_code(command):
    assert main(["probe"]) == 1
    assert main(["probe", "--number", "0"]) == 0
    command.run = lambda args: True
    assert main(["probe"]) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.KinemaError("it went wrong"), 3),
        (errors.UsageError("a limit below zero"), 2),
        (errors.InputError("a.mp4 is no video"), 3),
        (errors.ShapeError("pose has shape (1,)"), 3),
        (errors.WeightsError("no network"), 3),
        (errors.UnsafeFileError("it asks for code"), 3),
        (errors.OutputError("the disk is full"), 3),
    ],
)
def test_errors_are_one_sentence_and_a_code(command, capsys, error, code):
    command.run = raising(error)
    assert main(["probe"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"kinema: {error}\n"
    with pytest.raises(type(error)):
        main(["probe", "--debug"])


def test_every_error_class_is_tested_above():
    known = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.KinemaError)}
    assert {c.__name__ for c in known} == {
        "KinemaError", "UsageError", "InputError", "ShapeError", "WeightsError", "UnsafeFileError", "OutputError",
    }  # fmt: skip
    assert {c.exit_code for c in known} <= {2, 3}


def test_ctrl_c(command, capsys):
    command.run = raising(KeyboardInterrupt())
    assert main(["probe"]) == 130
    assert capsys.readouterr().err == "kinema: stopped\n"
    with pytest.raises(KeyboardInterrupt):
        main(["probe", "--debug"])


def test_an_unexpected_error(command, capsys):
    command.run = raising(ZeroDivisionError("division by zero\nand a second line"))
    assert main(["probe"]) == FAULT
    err = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in err
    assert "--debug" in err
    assert err.count("\n") == 1
    with pytest.raises(ZeroDivisionError):
        main(["probe", "--debug"])


def leaves(capsys, argv):
    with pytest.raises(SystemExit) as error:
        main(argv)
    return error.value.code, *capsys.readouterr()


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be deleted there")
def test_a_current_folder_that_was_deleted(tmp_path):
    """One sentence instead of the tracebacks of the libraries."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"import os, sys; from kinema.__main__ import main; os.rmdir({str(gone)!r}); sys.exit(main())"
    command = [sys.executable, "-c", script, "run", "clip.mp4"]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "kinema: the current folder no longer exists; change to one that does\n"


def test_help_lists_every_command(capsys):
    code, out, _ = leaves(capsys, ["--help"])
    assert code == 0
    for name, summary in COMMANDS.items():
        assert name in [line.split()[0] for line in out.splitlines() if line.startswith("  ") and line.split()]
        assert " ".join(summary.split()[:3]) in " ".join(out.split())


def test_commands_stand_in_groups(capsys):
    assert list(GROUPS) == ["everyday", "files", "research"]
    assert sorted(name for commands in GROUPS.values() for name in commands) == sorted(COMMANDS)
    _, out, _ = leaves(capsys, ["--help"])
    places = [out.index(f"\n{heading}:\n") for heading in (*GROUPS, "options")]
    assert places == sorted(places)
    for start, end, commands in zip(places, places[1:], GROUPS.values(), strict=False):
        assert all(f"\n  {name} " in out[start:end] for name in commands)


def test_without_a_word_the_help_is_shown(capsys):
    assert main([]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("usage: kinema")
    assert "everyday:" in shown.out
    assert shown.err == ""


def test_help_of_a_command(command, capsys):
    code, out, _ = leaves(capsys, ["probe", "--help"])
    assert code == 0
    assert "Probes." in out
    assert "kinema probe --number 3" in out
    assert "--debug" in out


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["prob"], "there is no command `prob`; did you mean `probe`?"),
        (["rnu"], "there is no command `rnu`; did you mean `run`?"),
        (["zzz"], "there is no command `zzz`; see `kinema --help`"),
        (["--nonsense"], "there is no option `--nonsense`; see `kinema --help`"),
        (["--versoin"], "there is no option `--versoin`; did you mean `--version`?"),
        (["probe", "--nubmer", "3"], "there is no option `--nubmer` of `kinema probe`; did you mean `--number`?"),
        (["probe", "--nubmer=3"], "there is no option `--nubmer` of `kinema probe`; did you mean `--number`?"),
        (["probe", "--number", "many"], "argument --number: invalid int value: 'many'; see `kinema probe --help`"),
        (["probe", "stray"], "unexpected argument `stray`; see `kinema probe --help`"),
        (["probe", "-x"], "there is no option `-x` of `kinema probe`; see `kinema probe --help`"),
        (["evaluate", "moton"], "there is no subcommand `moton` of `kinema evaluate`; did you mean `motion`?"),
        (["evaluate", "motion", "a", "--turth", "b"],
         "there is no option `--turth` of `kinema evaluate motion`; did you mean `--truth`?"),
        (["evaluate"], "the following arguments are required: WHAT; see `kinema evaluate --help`"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_sentence(command, capsys, argv, sentence):
    assert leaves(capsys, argv) == (2, "", f"kinema: {sentence}\n")


@pytest.mark.parametrize(
    ("word", "option"),
    [
        *((word, "--time-range") for word in ("--start", "--end", "--duration", "--tiem-range")),
        ("--people", "--max-persons"),
        ("--persons", "--max-persons"),
        ("--model", "--body-model"),
        ("--no-video", "--no-overlay"),
        *((word, None) for word in ("--gpu", "--workers", "--first", "--size", "--still")),
    ],
)
def test_what_is_suggested_in_place_of_an_option_of_run(word, option):
    known = build_parser("run").subcommands().choices["run"].options()
    assert nearest(word, known) == option


def test_a_video_in_the_commands_place(tmp_path, capsys):
    clip = tmp_path / "clip.mp4"
    clip.touch()
    _, _, err = leaves(capsys, [str(clip)])
    assert err == f"kinema: there is no command `{clip}`; did you mean `kinema run {clip}`?\n"


def test_options_may_be_cut_short(command, capsys):
    assert main(["probe", "--num", "0"]) == 0


def test_errors_of_the_library_name_the_flag(command, capsys):
    command.run = raising(errors.UsageError("`number` must be small; see `other`"))
    assert main(["probe"]) == 2
    assert capsys.readouterr().err == "kinema: --number must be small; see other\n"


def test_version(capsys):
    code, out, _ = leaves(capsys, ["--version"])
    assert (code, out) == (0, f"kinema {__version__}\n")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_what_the_dispatcher_needs(name, capsys):
    build_parser(name)
    module = sys.modules[f"kinema.commands.{name.replace('-', '_')}"]
    assert module.DESCRIPTION.strip()
    assert f"kinema {name}" in module.EXAMPLES
    code, out, _ = leaves(capsys, [name, "--help"])
    assert code == 0
    assert "examples:" in out


def fresh(*argv, code="from kinema.__main__ import main; main(sys.argv[1:])"):
    """The names of the modules that a new interpreter has loaded after `code`."""
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit: pass\nprint(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script, *argv], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


def test_nothing_heavy_is_loaded_for_help():
    loaded = fresh("--help")
    assert not loaded & {"numpy", "scipy", "cv2", "av", "torch", "onnxruntime", "rich", "kinema.motion"}
    assert not [name for name in loaded if re.match(r"kinema\.commands\.[a-z]", name)]


def test_nothing_heavy_is_loaded_for_a_commands_help():
    """One interpreter is asked for the help of all commands in turn."""
    script = """
import sys
from kinema.__main__ import main
from kinema.commands._dispatcher import COMMANDS
for name in sorted(COMMANDS):
    try:
        main([name, "--help"])
    except SystemExit:
        pass
    heavy = {"cv2", "av", "torch", "onnxruntime", "scipy"} & set(sys.modules)
    assert not heavy, f"kinema {name} --help loads {heavy}"
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_importing_the_package_loads_nothing_heavy():
    assert not fresh(code="import kinema") & {"numpy", "cv2", "av", "torch"}


def test_a_reader_that_stops_listening(command):
    """`kinema ... | head -1` must not end in a traceback."""
    code = (
        "import sys, types; import kinema.commands._dispatcher as m; p = types.ModuleType('p');"
        "p.DESCRIPTION = p.EXAMPLES = ''; p.configure = lambda parser: None;"
        "p.run = lambda args: [print('x' * 1000) for _ in range(10000)] and 0;"
        "sys.modules['kinema.commands.probe'] = p; m.COMMANDS['probe'] = 'x'; sys.exit(m.dispatch(['probe']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert err == b""
    assert process.returncode == 0


def test_run_as_a_module():
    run = subprocess.run([sys.executable, "-m", "kinema", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"kinema {__version__}\n"
    assert main_module.main is main
