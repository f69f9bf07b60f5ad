"""The daemon as people run it retires old keys, and does not touch the journal of another environment."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from ops.demo.processes import own_environment
from tests.integration.journal_making import opened
from tests.integration.test_journal_retiring import age, ended_case, tombstones
from tests.support.installed import install_alone
from tests.support.records import ROOT

COMMAND = (sys.executable, "-c", "from ops.cli.main import main; main()", "run", "--config")


@dataclass(frozen=True)
class Installed:
    """An installation whose journal holds one case that ended 91 days ago."""

    settings: Path
    journal: str

    @contextmanager
    def running(self, **environment: str) -> Iterator[subprocess.Popen[str]]:
        daemon = subprocess.Popen(
            [*COMMAND, str(self.settings)],
            cwd=ROOT,
            env={**own_environment(), **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with daemon:
            yield daemon
            daemon.terminate()


@pytest.fixture
async def installed(tmp_path: Path) -> Installed:
    settings = install_alone(tmp_path, scale=0.02).settings
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    key = (tmp_path / "master.key").read_bytes().strip()
    journal = opened(url, master_key=key, environment="demo", node="demo")
    await ended_case(journal, "long ago")
    journal.close()
    age(url, timedelta(days=91))
    return Installed(settings, url)


async def test_a_running_daemon_retires_the_keys_of_cases_that_ended_long_ago(installed: Installed) -> None:
    with installed.running():
        async with asyncio.timeout(20):
            while not tombstones(installed.journal):
                await asyncio.sleep(0.1)


def test_a_daemon_of_another_environment_is_refused_with_the_setting_to_mend(installed: Installed) -> None:
    with installed.running(PANJEREH_ENVIRONMENT="production") as daemon:
        _, told = daemon.communicate(timeout=20)

    assert daemon.returncode == 2
    assert "environment: this journal was made for 'demo', the setting says 'production'" in told
    assert tombstones(installed.journal) == 0
