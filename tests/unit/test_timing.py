"""A limit of CPU time is the same limit on a loaded machine."""

from __future__ import annotations

import threading

from tests.support import timing

FIVE_TIMES = 5 * timing._QUIET_SECONDS


def five_times() -> None:
    for _ in range(5):
        timing._reference()


def twenty_five_times() -> None:
    for _ in range(5):
        five_times()


def test_work_is_told_in_seconds_of_a_quiet_core() -> None:
    assert timing.cpu_seconds(five_times, enough=0) < 1.5 * FIVE_TIMES


def test_what_takes_longer_is_told_as_longer_however_loaded_the_machine_is() -> None:
    many = timing.cpu_seconds(twenty_five_times, enough=0)
    assert many > 3 * timing.cpu_seconds(five_times, enough=0)


def test_the_work_of_other_threads_is_not_counted() -> None:
    other = threading.Thread(target=five_times)
    other.start()
    assert timing.cpu_seconds(other.join, enough=0) < FIVE_TIMES / 5
