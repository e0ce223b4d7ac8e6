"""The hub: what `locate` returns, and the message for everything that can go wrong."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kinema.errors import InputError, UsageError, WeightsError
from kinema.models.blazepose.weights import MEDIAPIPE
from kinema.models.pare.weights import PARE
from kinema.models.smoothnet.weights import SMOOTHNET
from kinema.weights import cache as weights_cache
from kinema.weights import catalogue, clients, consent, fetch, hub, locate
from tests.helpers.fake_package import CONTENTS, write_wheel


def no_leftovers(folder: Path) -> bool:
    return not list(folder.glob(f"{fetch.FOLDER_PREFIX}*")) and not list(folder.glob(".pose*"))


def test_first_use_fetches_the_package_once_and_takes_both_networks(cache, package):
    seen = []
    file = locate("blazepose-detector", progress=lambda done, total: seen.append((done, total)))
    assert file.path == cache / "pose_detection.tflite"
    assert file.path.read_bytes() == CONTENTS["blazepose-detector"]
    assert file.sha256 == hashlib.sha256(CONTENTS["blazepose-detector"]).hexdigest()
    assert locate("blazepose-landmarks-full").path.read_bytes() == CONTENTS["blazepose-landmarks-full"]
    assert package.times_fetched == 1
    assert no_leftovers(cache)
    assert seen[0][0] == 0
    assert seen[-1] == (MEDIAPIPE.size, MEDIAPIPE.size)


def test_the_command_for_pip_names_one_build_and_no_index(tmp_path):
    command = clients.pip_command(MEDIAPIPE, tmp_path)
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"mediapipe==0.10.21", "--no-deps", "--only-binary=:all:", "manylinux_2_28_x86_64", "cp311"} <= set(command)
    assert not any("://" in part or "index" in part for part in command)


def test_real_pip_fetches_from_the_users_own_index(cache, package, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("KINEMA_CACHE", str(cache.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(package.wheel.parent))
    with pytest.raises(WeightsError, match="is not the expected file and was refused"):
        locate("blazepose-detector")  # pip hands the small package over; the real catalogue refuses it
    assert no_leftovers(cache)
    monkeypatch.setenv("PIP_FIND_LINKS", str(cache))
    with pytest.raises(WeightsError, match="your package index does not have it"):
        locate("blazepose-detector")


@pytest.mark.slow
def test_the_real_package_holds_what_the_catalogue_says(cache):
    try:
        file = locate("blazepose-detector")
    except WeightsError as error:
        if "cannot be reached" in str(error) or "does not have it" in str(error):
            pytest.skip(f"no package index here: {error}")
        raise
    assert file.path.stat().st_size == catalogue.find("blazepose-detector").size
    assert locate("blazepose-landmarks-full").path.is_file()


def test_unknown_names_list_those_like_them():
    for name, alike in {
        "blazepose": "choose one of blazepose-detector, blazepose-landmarks-full, blazepose-landmarks-heavy",
        "rtmpos-m": "choose one of rtmpose-m",
        "nothing": "see all of them with",
    }.items():
        with pytest.raises(UsageError, match=f"called '{name}'; {alike}.* `kinema weights list`$"):
            locate(name)


def test_offline_never_runs_pip(cache, package, monkeypatch):
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"KINEMA_OFFLINE .*kinema weights add blazepose FILE\.whl"):
        locate("blazepose-detector")
    assert package.times_fetched == 0
    monkeypatch.setenv("KINEMA_OFFLINE", "0")
    locate("blazepose-detector")
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    assert locate("blazepose-detector").path.is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("/usr/bin/python: No module named pip", r"no pip; run .*ensurepip.* or .*weights add blazepose FILE\.whl"),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'\n"
            "ERROR: Could not find a version that satisfies the requirement mediapipe==0.10.21\n",
            "package index cannot be reached",
        ),
        ("ERROR: No matching distribution found for mediapipe==0.10.21\n", "your package index does not have it"),
        ("ERROR: Could not install: [Errno 28] No space left on device\n", "the disk is full.*KINEMA_CACHE"),
        ("ERROR: 401 for the index\nlast line", "pip reported 'ERROR: 401 for the index'"),
        ("", "pip reported 'no reason'"),
    ],
)
def test_what_pip_says_becomes_one_sentence(cache, failing_pip, words, sentence):
    failing_pip(words)
    with pytest.raises(WeightsError, match=sentence) as caught:
        locate("blazepose-detector")
    assert "\n" not in str(caught.value)
    assert no_leftovers(cache)


def test_a_package_with_another_network_is_refused_by_both_hashes(cache, package):
    entry = catalogue.find("blazepose-detector")
    write_wheel(package.wheel, {entry.member: b"something else", "mediapipe/../../../../evil": b"x"})
    with pytest.raises(WeightsError) as caught:
        locate("blazepose-detector")
    assert hashlib.sha256(b"something else").hexdigest() in str(caught.value)
    assert str(entry.sha256) in str(caught.value)
    assert not (cache / entry.file).exists()
    assert no_leftovers(cache)


def test_a_package_without_the_network_or_cut_short(cache, package):
    whole = package.wheel.read_bytes()
    write_wheel(package.wheel, {})
    with pytest.raises(WeightsError, match=r"does not contain mediapipe/modules.*mediapipe==0\.10\.21"):
        locate("blazepose-detector")
    package.wheel.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="not a complete package file"):
        locate("blazepose-detector")


def test_a_damaged_file_in_the_cache_is_fetched_again(cache, package, monkeypatch):
    path = locate("blazepose-detector").path
    path.write_bytes(b"rubbish")
    assert locate("blazepose-detector").path.read_bytes() == CONTENTS["blazepose-detector"]
    assert package.times_fetched == 2
    path.write_bytes(b"rubbish")
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    with pytest.raises(WeightsError, match=f"sha256 {hashlib.sha256(b'rubbish').hexdigest()}, expected"):
        locate("blazepose-detector")


def test_check_sees_damage_that_keeps_size_and_time(cache, package):
    path = locate("blazepose-detector").path
    before = path.stat()
    path.write_bytes(b"D" + CONTENTS["blazepose-detector"][1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    entry = catalogue.find("blazepose-detector")
    assert hub.status(entry).state == "ready"  # the cheap look trusts size and time
    assert hub.status(entry, full=True).state == "damaged"


def test_a_known_file_is_not_hashed_again(cache, package, monkeypatch):
    locate("blazepose-detector")
    monkeypatch.setattr(weights_cache, "file_sha256", lambda path: pytest.fail("hashed again"))
    locate("blazepose-detector")


def test_what_a_killed_process_left_is_cleared_away(cache, package):
    left = cache / f"{fetch.FOLDER_PREFIX}abc"
    (left / "wheel").mkdir(parents=True)
    (left / "wheel" / "half.whl").write_bytes(b"half")
    (cache / "pose_detection.tflite.json").write_text("{half a rec")
    assert locate("blazepose-detector").path.is_file()
    assert no_leftovers(cache)


def test_stopping_in_the_middle_ends_pip_and_leaves_nothing(cache, package, monkeypatch, tmp_path):
    pid = tmp_path / "pid"
    script = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(clients, "pip_command", lambda *_: [sys.executable, "-c", script])

    def stop(done, total):
        if pid.exists() and pid.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        locate("blazepose-detector", progress=stop)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert no_leftovers(cache)
    assert not (cache / "pose_detection.tflite").exists()


def test_several_at_once_fetch_once(cache, package):
    results = []
    threads = [threading.Thread(target=lambda: results.append(locate("blazepose-detector"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({file.sha256 for file in results}) == 1
    assert len(results) == 4
    assert package.times_fetched == 1


def test_a_second_process_waits_for_the_first(cache, package):
    script = (
        "import sys, time\nfrom kinema.weights import cache\n"
        "with cache.locked():\n    print('held', flush=True)\n    time.sleep(1.0)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WeightsError, match="another Kinema has been fetching"), weights_cache.locked(timeout=0.05):
            pass
        assert locate("blazepose-detector").path.is_file()
        assert other.wait() == 0


def test_a_cache_below_a_file_names_the_variable(package, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(WeightsError, match="set KINEMA_CACHE to a folder that you can write to"):
        locate("blazepose-detector")


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.EROFS, "Read-only file system.*set KINEMA_CACHE"), (errno.ENOSPC, "the disk is full.*KINEMA_CACHE")],
)
def test_write_errors_while_installing(cache, package, monkeypatch, number, sentence):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("kinema.storage.atomic.os.replace", fail)
    with pytest.raises(WeightsError, match=sentence):
        locate("blazepose-detector")
    assert no_leftovers(cache)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission(package, monkeypatch, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    monkeypatch.setenv("KINEMA_CACHE", str(closed))
    with pytest.raises(WeightsError, match="set KINEMA_CACHE"):
        locate("blazepose-detector")


def test_a_filled_cache_that_cannot_be_written_is_good_enough(cache, package, monkeypatch):
    locate("blazepose-detector")
    (cache / "pose_detection.tflite.json").unlink()

    def fail(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(weights_cache, "write_json", fail)
    assert locate("blazepose-detector").path.is_file()
    assert package.times_fetched == 1


# Files that the user brings.


def test_add_takes_the_package_or_either_network(cache, package, tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    assert [f.name for f in hub.add("blazepose", package.wheel)] == ["blazepose-detector", "blazepose-landmarks-full"]
    with zipfile.ZipFile(package.wheel) as archive:
        (tmp_path / "any name.bin").write_bytes(archive.read(catalogue.find("blazepose-landmarks-full").member))
    (cache / "pose_landmark_full.tflite").unlink()
    (file,) = hub.add("blazepose", tmp_path / "any name.bin")
    assert file.name == "blazepose-landmarks-full"
    assert locate("blazepose-landmarks-full") == file


def test_add_refuses_what_is_not_the_file(cache, package, tmp_path):
    (tmp_path / "other.tflite").write_bytes(b"other")
    with pytest.raises(InputError, match=r"was refused.*expected"):
        hub.add("blazepose", tmp_path / "other.tflite")
    with pytest.raises(InputError, match="is not a file"):
        hub.add("blazepose", tmp_path / "nothing.tflite")
    with pytest.raises(UsageError, match="no weights called 'blaze'"):
        hub.add("blaze", tmp_path / "other.tflite")
    with pytest.raises(InputError, match="name one of them"):
        hub.add("smoothnet", tmp_path / "other.tflite")
    with pytest.raises(InputError, match="does not come in a package"):
        hub.add("pare", package.wheel)


@pytest.fixture
def smoothnet_file(tmp_path):
    path = tmp_path / "checkpoint_8.npz"
    np.savez(path, **{"encoder.0.weight": np.zeros((512, 8)), "decoder.weight": np.zeros((8, 512))})
    return path


def test_research_files_ask_once_and_remember(cache, smoothnet_file):
    with pytest.raises(WeightsError, match=r"cannot be downloaded for you: .*kinema weights add smoothnet-8 FILE"):
        locate("smoothnet-8")
    with pytest.raises(WeightsError, match="not used without agreement"):
        hub.add("smoothnet-8", smoothnet_file, ask=lambda licence: False)
    with pytest.raises(WeightsError, match=r"kinema weights get smoothnet-8. once to read and accept"):
        hub.add("smoothnet-8", smoothnet_file)
    asked = []
    hub.add("smoothnet-8", smoothnet_file, ask=lambda licence: asked.append(licence.key) or True)
    hub.add("smoothnet-8", smoothnet_file, ask=lambda licence: pytest.fail("asked twice"))
    assert asked == ["smoothnet"]
    assert locate("smoothnet-8").sha256 == hashlib.sha256(smoothnet_file.read_bytes()).hexdigest()
    agreed = json.loads((cache.parent / "licences.json").read_text())
    assert agreed["smoothnet"]["url"] == SMOOTHNET.url
    assert agreed["smoothnet"]["agreed"].startswith(time.strftime("%Y"))
    assert not consent.is_agreed(PARE)


def test_a_file_put_there_by_hand_still_needs_agreement(cache, smoothnet_file):
    cache.mkdir(parents=True)
    target = cache / catalogue.find("smoothnet-8").file
    target.write_bytes(smoothnet_file.read_bytes())
    assert hub.status(catalogue.find("smoothnet-8")).state == "licence"
    with pytest.raises(WeightsError, match="once to read and accept"):
        locate("smoothnet-8")
    assert hub.get("smoothnet-8", ask=lambda licence: True).path == target


def test_an_added_file_that_changes_is_noticed(cache, smoothnet_file):
    path = hub.add("smoothnet-8", smoothnet_file, ask=lambda licence: True)[0].path
    path.write_bytes(b"changed")
    with pytest.raises(WeightsError, match=r"corrupt or not the expected file.*kinema weights add smoothnet-8 FILE"):
        locate("smoothnet-8")


def test_the_wrong_checkpoint_is_refused_by_what_it_lacks(cache, smoothnet_file):
    with pytest.raises(InputError, match=r"is not pare: it lacks model\.backbone\.conv1\.weight"):
        hub.add("pare", smoothnet_file, ask=lambda licence: True)
    with pytest.raises(InputError, match="zip archive, not a pickle"):
        hub.add("smpl-neutral", smoothnet_file, ask=lambda licence: True)


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.name)
@pytest.mark.parametrize("content", [b"hello\n", b"", "schön\n".encode(), b"PK\x03\x04 cut short"])
def test_no_entry_takes_just_any_file(cache, tmp_path, entry, content):
    """Each is refused in words, without the name of a Python exception; `kinema weights add rife t.txt` had one."""
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"t\.txt is ") as refusal:
        hub.add(entry.name, path, ask=lambda licence: True)
    message = str(refusal.value)
    assert not any(word in message for word in ("Error", "BadZip"))
    assert not (cache / entry.file).exists()


def test_companions_come_along(cache, tmp_path):
    checkpoint = tmp_path / "pare_w_3dpw_checkpoint.ckpt"
    with checkpoint.open("wb") as file:
        np.savez(file, **dict.fromkeys(catalogue.find("pare-3dpw").holds, np.zeros(1)))
    (tmp_path / "pare_w_3dpw_config.yaml").write_text("METHOD: pare\n")
    hub.add("pare-3dpw", checkpoint, ask=lambda licence: True)
    assert (cache / "pare_w_3dpw_config.yaml").read_text() == "METHOD: pare\n"


def test_the_default_place_is_the_platforms_cache(monkeypatch):
    monkeypatch.delenv("KINEMA_CACHE", raising=False)
    assert weights_cache.cache_dir().name in ("kinema", "Cache")
    monkeypatch.setenv("KINEMA_CACHE", "~/somewhere")
    assert weights_cache.cache_dir() == Path.home() / "somewhere"
    monkeypatch.setenv("KINEMA_CACHE", "relative")
    assert weights_cache.cache_dir() == Path.cwd() / "relative"


# What is used is what was expected.


def flip(path: Path) -> None:
    """Flip one bit and leave size and time as they were, as a failing disk does."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_flipped_bit_is_never_used(cache, package, monkeypatch):
    file = locate("blazepose-detector")
    flip(file.path)
    assert locate("blazepose-detector") == file
    assert hashlib.sha256(file.path.read_bytes()).hexdigest() == file.sha256
    assert package.times_fetched == 2
    flip(file.path)
    monkeypatch.setenv("KINEMA_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"is corrupt or not the expected file.*kinema weights get"):
        locate("blazepose-detector")


@pytest.mark.parametrize("place", ["~nobody-of-that-name/x", "/dev/null/x", "/proc/x", "x" * 300])
def test_bad_places_for_the_cache_are_one_sentence(monkeypatch, package, place, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINEMA_CACHE", place)
    with pytest.raises(WeightsError, match="KINEMA_CACHE") as caught:
        locate("blazepose-detector")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe", b"[]", b'{"sha256": 3}'])
def test_damaged_records_count_as_absent(cache, package, content):
    file = locate("blazepose-detector")
    file.path.with_name(f"{file.path.name}.json").write_bytes(content)
    (cache.parent / "licences.json").write_bytes(content)
    assert locate("blazepose-detector") == file
    assert not consent.is_agreed(PARE)
