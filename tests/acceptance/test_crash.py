"""A sample of the crash score: a real SIGKILL of a real daemon, and the sabotage that the count must notice."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from tests.score.points import crash_trials
from tests.score.suites import SABOTAGES
from tests.score.trial import run_trial
from tests.support.postgres import running_server

ALL = list(crash_trials({"SQLite": None}, full=False))
EMBEDDED = list(islice(ALL, 0, None, len(ALL) // 16))[:16]
SERVED = list(islice(ALL, 5, None, len(ALL) // 8))[:8]


def told(trial) -> str:
    return f"{trial.mode}-{trial.point}"


@pytest.fixture(scope="session")
def new_database():
    with running_server() as server:
        yield server.new_database


def assert_holds(result) -> None:
    assert result.died, "the point never came: nothing was shown"
    assert result.acknowledged == 2
    assert (result.lost, result.doubled, result.disordered) == (0, 0, 0), result


@pytest.mark.parametrize("trial", EMBEDDED, ids=told)
def test_a_daemon_killed_here_on_sqlite_loses_and_doubles_nothing(trial, tmp_path):
    assert_holds(run_trial(trial, tmp_path))


@pytest.mark.parametrize("trial", SERVED, ids=told)
def test_a_daemon_killed_here_on_postgresql_loses_and_doubles_nothing(trial, tmp_path, new_database):
    assert_holds(run_trial(replace(trial, database=new_database()), tmp_path))


@pytest.mark.parametrize("weakness", sorted(SABOTAGES))
def test_a_safety_taken_out_is_noticed(weakness, tmp_path):
    result = run_trial(replace(SABOTAGES[weakness], weakness=weakness, patience=8), tmp_path)
    assert result.doubled > 0
