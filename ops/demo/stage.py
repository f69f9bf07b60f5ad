"""The stage: sandbox and daemon in a folder of their own, and who may call."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.demo.installation import Installation, install
from ops.demo.processes import Processes, Running, StandIn, free_port
from ops.demo.scenes import Scene, Script
from ops.demo.wire import call
from ops.sandbox.settings import WIRED
from ops.settings import Settings
from ops.settings_file import load_settings

CONTRACTS: Path = Settings.model_fields["contracts"].default
GATEWAY_CONTRACT = CONTRACTS / "window" / "1.0"
_LEDGERS = "effects"
_FAULTS = "/_sandbox/faults"
_JSON = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Stage:
    """Where everything is. `daemon` is another process after each restart."""

    folder: Path
    processes: Processes
    installation: Installation
    stand_ins: dict[str, StandIn]
    door: str
    daemon: Running

    @property
    def ledgers(self) -> Path:
        """The folder of the effect ledgers."""
        return self.folder / _LEDGERS

    @property
    def socket(self) -> Path:
        """Where operators ask the daemon."""
        return load_settings(self.installation.settings).admin_socket

    async def restart_after_kill(self) -> tuple[int, int]:
        """`kill -9` the daemon and start it again; the old and the new pid."""
        killed = self.daemon
        killed.kill()
        self.daemon = await self.processes.daemon(self.installation.settings, self.door)
        return killed.pid, self.daemon.pid

    async def set_faults(self, script: Script) -> None:
        """From now on the stand-ins misbehave as the script says."""
        for name, stand_in in self.stand_ins.items():
            everywhere = name if name in WIRED else ""
            rules = [rule for rule in script.faults if rule.get("stand_in", everywhere) == name]
            body = json.dumps(rules).encode()
            answer = await call(stand_in.page, "POST", _FAULTS, headers=_JSON, body=body)
            if answer.status >= 400:  # noqa: PLR2004 - HTTP's own number
                raise ValueError(f"script.json: faults: {name}: {answer.body.decode()}")

    async def end_faults(self) -> dict[str, int]:
        """From now on the stand-ins behave; how often each kind of fault struck."""
        struck: Counter[str] = Counter()
        for stand_in in self.stand_ins.values():
            told = await call(stand_in.page, "GET", _FAULTS, headers={})
            for rule in json.loads(told.body)["faults"]:
                struck[rule["mode"]] += rule["fired"]
            await call(stand_in.page, "POST", _FAULTS, headers=_JSON, body=b"[]")
        return {mode: times for mode, times in struck.items() if times}


async def build_stage(folder: Path, processes: Processes, scenes: Sequence[Scene], script: Script) -> Stage:
    """Everything runs and is ready when this returns; raises NotStartedError."""
    ledgers = folder / _LEDGERS
    ledgers.mkdir()
    stand_ins = await processes.sandbox(CONTRACTS, ledgers, pace_seconds=script.times.pace_seconds)
    port = free_port()
    installation = install(
        folder / "installation",
        {name: one.address for name, one in stand_ins.items()},
        services=[scene.name for scene in scenes],
        scale=script.times.scale,
        port=port,
        channels=list(script.channels),
        longest_wait_seconds=script.times.longest_wait_seconds,
    )
    door = f"http://127.0.0.1:{port}"
    daemon = await processes.daemon(installation.settings, door)
    return Stage(folder, processes, installation, stand_ins, door, daemon)
