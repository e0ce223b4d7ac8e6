"""What every motion format promises: run over all that are registered."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError, KinemaError
from kinema.formats import FORMATS, load_motion, save_motion
from kinema.formats.report import WriteReport
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS
from tests.contracts.samples import CASES, fingerprint, walk

WRITERS = [pytest.param(entry, id=entry.name) for entry in FORMATS if entry.writes]
BOTH = [pytest.param(entry, id=entry.name) for entry in FORMATS if entry.writes and entry.reads]
NEEDS_A_PROGRAM = ("fbx",)
"""Written by another program, which has tests of its own."""


@pytest.fixture(scope="module")
def whole() -> Motion:
    return walk()


def test_rows_say_what_they_are():
    for entry in FORMATS:
        assert entry.summary
        assert entry.suffixes
        assert entry.holds
        assert entry.reads or entry.writes
        assert set(entry.keeps) <= {*PERSON_FIELDS, "camera", "rate"}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("entry", WRITERS)
def test_a_writer_writes_or_says_why_not(entry, case, whole, tmp_path):
    if entry.name in NEEDS_A_PROGRAM:
        pytest.skip(f"{entry.name} is written by another program")
    motion = CASES[case](whole)
    before = fingerprint(motion)
    target = tmp_path / f"motion{entry.suffixes[0]}"
    report = WriteReport()
    if case == "nobody" and not entry.lossless:
        with pytest.raises(KinemaError) as error:
            save_motion(motion, target, format=entry.name, body=load_body(), report=report)
        assert "\n" not in str(error.value)
        assert not list(tmp_path.iterdir()), "a file that could not be written whole was left"
        return
    path = save_motion(motion, target, format=entry.name, body=load_body(), report=report)
    assert fingerprint(motion) == before
    assert path.is_file()
    assert path in report.paths
    assert {made.resolve() for made in report.paths} <= {made.resolve() for made in tmp_path.iterdir()}


@pytest.mark.parametrize("entry", BOTH)
def test_what_a_format_keeps_comes_back(entry, whole, tmp_path):
    """Frame by frame, to single precision and the half millimetre that text and resampling cost."""
    motion = whole
    path = save_motion(motion, tmp_path / f"motion{entry.suffixes[0]}", format=entry.name, body=load_body())
    read = load_motion(path, format=entry.name, **({} if entry.timed else {"fps": motion.fps}))
    keeps = PERSON_FIELDS if entry.lossless else entry.keeps
    person, back = motion.people[0], read.people[0]
    assert len(back) == len(person)
    for name in keeps:
        if name not in PERSON_FIELDS or getattr(person, name) is None:
            continue
        assert getattr(back, name) is not None, name
        if entry.lossless:
            np.testing.assert_array_equal(getattr(back, name), getattr(person, name), err_msg=name)
    if entry.lossless:
        assert read.data == motion.data
        assert [record.to_dict() for record in read.provenance] == [record.to_dict() for record in motion.provenance]


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in FORMATS if entry.reads])
@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"no motion at all"])
def test_a_reader_refuses_garbage_in_one_sentence(entry, content, tmp_path):
    path = tmp_path / f"garbage{entry.suffixes[0]}"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_motion(path, format=entry.name)
    assert "\n" not in str(error.value)
