"""Work in a second thread: in order, with every error, and ended whatever happens."""

import threading
import time

import numpy as np
import pytest

from kinema.tracking import TrackingOptions, track_people
from kinema.video import Frame, VideoReader, open_video
from kinema.video.prefetch import Trailing, Worker, prefetched

both = pytest.mark.parametrize("own_thread", [True, False])


def kinema_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("kinema")]


@both
def test_work_is_done_in_order(own_thread):
    done = []
    with Worker(own_thread=own_thread) as worker:
        futures = [worker.submit(lambda i: done.append(i) or 2 * i, i) for i in range(50)]
        assert [future.result() for future in futures] == list(range(0, 100, 2))
    assert done == list(range(50))


@both
def test_an_error_comes_out(own_thread):
    with Worker(own_thread=own_thread) as worker, pytest.raises(ZeroDivisionError):
        worker.submit(lambda: 1 / 0).result()


def test_at_the_end_what_has_begun_is_waited_for_and_the_rest_dropped():
    begun, finished, dropped = threading.Event(), [], []

    def slow():
        begun.set()
        time.sleep(0.05)
        finished.append(True)

    def interrupted():
        with Worker() as worker:
            worker.submit(slow)
            worker.submit(dropped.append, True)
            begun.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert finished
    assert not dropped
    assert not kinema_threads()


@both
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_reading_ahead_gives_the_same_items(own_thread, depth):
    with Worker(own_thread=own_thread) as worker:
        assert list(prefetched(iter(range(20)), worker, depth)) == list(range(20))
        assert list(prefetched([], worker, depth)) == []


def test_no_more_than_the_depth_is_made_ahead():
    made = []

    def items():
        for i in range(20):
            made.append(i)
            yield i

    with Worker() as worker:
        for item in prefetched(items(), worker, 3):
            time.sleep(0.002)
            assert len(made) <= item + 4


def test_reading_begins_before_the_first_item_is_asked_for():
    read = threading.Event()

    def items():
        read.set()
        yield 0

    with Worker() as worker:
        waiting = prefetched(items(), worker, 1)
        assert read.wait(10)
        assert list(waiting) == [0]


@both
def test_what_trails_is_at_most_so_many_calls_behind(own_thread):
    done, gate = [], threading.Event()

    def work(i):
        if own_thread:
            gate.wait(10)
        done.append(i)

    with Worker(own_thread=own_thread) as worker:
        trailing = Trailing(worker, 3)
        for i in range(3):
            trailing.submit(work, i)
        assert len(done) == (0 if own_thread else 3)
        gate.set()
        for i in range(3, 20):
            trailing.submit(work, i)
            assert len(done) >= i - 2
        trailing.finish()
    assert done == list(range(20))


@pytest.mark.parametrize("at_once", [True, False])
def test_an_error_of_what_trails_comes_out_at_the_latest_at_the_end(at_once):
    with Worker() as worker:
        trailing = Trailing(worker, 0 if at_once else 3)

        def failing():
            trailing.submit(lambda: 1 / 0)
            if not at_once:
                trailing.finish()

        with pytest.raises(ZeroDivisionError):
            failing()


@both
def test_an_error_while_reading_comes_after_what_was_read(own_thread):
    def items():
        yield from range(3)
        raise OSError("torn")

    with Worker(own_thread=own_thread) as worker:
        reading = prefetched(items(), worker, 8)
        assert [next(reading) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(OSError, match="torn"):
            next(reading)


@both
def test_a_reader_that_is_left_early_is_closed(own_thread):
    closed = []

    def items():
        try:
            yield from range(1000)
        finally:
            closed.append(threading.current_thread().name)

    with Worker(own_thread=own_thread) as worker:
        reading = prefetched(items(), worker, 3)
        next(reading)
        reading.close()
    assert len(closed) == 1


class Torn(VideoReader):
    """Noise that cannot be read to its end."""

    def __init__(self, frames: int, error: type[BaseException] = OSError) -> None:
        super().__init__("torn", 64, 48, 30.0, frames)
        self.frames, self.error = frames, error

    def __iter__(self):
        noise = np.random.default_rng(0)
        for index in range(self.frames):
            yield Frame(index, index / 30, noise.integers(0, 255, (48, 64, 3), dtype=np.uint8))
        raise self.error("torn")


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("threads", [1, 2])
def test_tracking_ends_with_the_error_of_whoever_failed(threads):
    options = TrackingOptions(threads=threads)
    with pytest.raises(OSError, match="torn"):
        track_people(Torn(5), options)

    def observer(frame, boxes):
        if frame.index == 2:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        track_people(Torn(50), options, observers=[observer])

    def progress(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        track_people(Torn(50), options, progress=progress)
    assert not kinema_threads()


@pytest.mark.usefixtures("networks")
def test_a_detector_that_fails_in_the_worker_is_heard(monkeypatch):
    from kinema.models.blazepose.detector import BlazePoseDetector

    def broken(self, image, tile, *, threshold=0.5):
        raise MemoryError("full")

    monkeypatch.setattr(BlazePoseDetector, "__call__", broken)
    with pytest.raises(MemoryError, match="full"):
        track_people(Torn(5), TrackingOptions(threads=2))


@pytest.mark.real
@pytest.mark.usefixtures("networks")
def test_threads_change_nothing(data_dir):
    """Bit for bit, whichever thread is faster."""
    clip = data_dir / "videos/basketball_two_people_static.mp4"
    alone, together = (track_people(open_video(clip, end=0.5), TrackingOptions(threads=n)) for n in (1, 2))
    assert [person.id for person in together] == [person.id for person in alone] == [1, 2]
    for one, two in zip(alone, together, strict=True):
        for name in ("frames", "observed", "boxes", "keypoints", "keypoints3d", "keypoint_confidence"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
