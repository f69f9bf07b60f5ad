"""The daemon: one asyncio process with the doors, the flows, the health pages and the operators' socket."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog
import uvicorn
import uvloop
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from adapter.errors import FaultySettings, JournalFailed, JournalUnreachable
from adapter.exchange import Payload
from adapter.journal import Journal, inspecting
from adapter.journal.engines import journal_url
from adapter.journal.opening import held_lock, place_of, told_by_the_disk
from adapter.retention import keep_retiring
from adapter.telemetry import configure_logging
from ops import admin
from ops.callers import channel_doubts
from ops.operators import Desk, perform
from ops.protocol import ConnectionLimits, limited
from ops.reloading import keep_reloading
from ops.serving import application
from ops.settings import HttpSettings, Settings
from ops.wiring import House, Parts, open_house

GRACE = timedelta(seconds=5)
"""How long calls and attempts under way may take once the daemon is told to stop."""

_COLLECTOR = (50_000, 20, 100)
"""Young objects before each look: a batch of exchanges makes thousands, nearly all of which die by themselves."""

_MOST_CONNECTIONS = 256
_KEEP_ALIVE_SECONDS = 30
_log = structlog.get_logger(__name__)


def run(settings: Settings) -> int:
    """Run the daemon as this process; its exit code."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_daemon(settings))


async def run_daemon(settings: Settings, parts: Parts | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop, 1 when nothing could be kept any more.

    SIGHUP has the tables read anew. Raises what opening the house raises, and FaultySettings for an address or a
    socket that cannot be had.
    """
    os.umask(0o077)  # the journal's files are its owner's alone
    configure_logging(level=settings.log_level, is_final=True)
    _take_up_library_logs()
    tune_process()
    with _listening(settings) as listener:
        admin.clear(settings.admin_socket)  # another daemon is told before a journal is made
        house = await open_house(settings, parts)
        gc.freeze()  # its tables live as long as the process, too
        _tell_stopped(house)
        try:
            await check_journal(house.journal, settings.database)
            return await _live(house, listener)
        finally:
            await house.aclose()
            _log.info("daemon_stopped", node=settings.node)


async def check_journal(journal: Journal, database: str) -> None:
    """An embedded journal has been read through; raises JournalFailed with its first damage: nothing is kept in it."""
    _log.info("journal_checking")
    url = journal_url(database)
    with told_by_the_disk(url):
        damage = await journal.read(inspecting.first_damage)
    if damage is not None:
        raise JournalFailed(f"database: {place_of(url)}: {damage}; mend the disk, and restore the journal's backup")


def _tell_stopped(house: House) -> None:
    """Each fault of each service that takes nothing, and what the settings may have misspelt, as `check` tells them."""
    for service, faults in sorted(house.faults.items()):
        for fault in faults:
            _log.warning("service_stopped", service=service, fault=str(fault))
    for doubt in channel_doubts(house.settings, house.offer):
        _log.warning("settings_doubted", doubt=doubt)


def tune_process() -> None:
    """A collector that looks less often, and never again at what lives as long as the process.

    The interpreter's own switch interval stays: 0.5 ms for 5 cost the journal a quarter of its rate.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR)


async def _live(house: House, listener: socket.socket) -> int:
    stopped, reload = asyncio.Event(), asyncio.Event()
    code = 0
    try:
        with _heeding_signals({signal.SIGTERM: stopped, signal.SIGINT: stopped, signal.SIGHUP: reload}):
            async with admin.serving(house.settings.admin_socket, _performer(house)), asyncio.TaskGroup() as group:
                flows = [group.create_task(house.delivery.run()), group.create_task(house.followup.run())]
                flows.append(group.create_task(keep_retiring(house.journal, house.profile, house.loops)))
                flows.append(group.create_task(keep_reloading(house, reload)))
                async with served(application(house), listener, _limits(house.settings.http)):
                    _log.info("daemon_started", **_introduction(house, listener))
                    await stopped.wait()
                    _log.info("daemon_stopping", node=house.settings.node)
                await house.delivery.drain(GRACE)
                for flow in flows:
                    flow.cancel()
    except* JournalFailed as failures:
        _log.critical("journal_failed", reason=str(_first(failures)))
        code = 1
    return code


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error itself, however deep the flows' groups hold it."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _performer(house: House) -> admin.Perform:
    async def carry_out(command: str, arguments: Mapping[str, Any], actor: str, progress: admin.Progress) -> Payload:
        _log.info("operator_asked", command=command, actor=actor)
        return await perform(Desk(house, actor, progress), command, arguments)

    return carry_out


def _introduction(house: House, listener: socket.socket) -> dict[str, str]:
    host, port = listener.getsockname()[:2]
    return {
        "node": house.settings.node,
        "database": make_url(house.settings.database).get_backend_name(),
        "address": f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
        "profile": house.profile.name,
        "admin_socket": str(house.settings.admin_socket),
    }


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """The bound socket: taken before anything else, so that a taken port is told at once.

    Where the journal is held too, its daemon is what stands on the port: raises JournalLocked.
    """
    http = settings.http
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        listener = socket.create_server((http.host, http.port), family=family, backlog=_MOST_CONNECTIONS)
    except OSError as error:
        with suppress(JournalUnreachable, SQLAlchemyError), held_lock(journal_url(settings.database), settings.node):
            pass  # nobody holds it: the port is another program's
        reason = str(error.strerror or error).partition(" (while ")[0]  # the address, which stands before it
        raise FaultySettings([f"http.port: {http.host}:{http.port} cannot be had: {reason}"]) from error
    with listener:
        yield listener


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers of its own: the daemon has them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _limits(http: HttpSettings) -> ConnectionLimits:
    return ConnectionLimits(connections=_MOST_CONNECTIONS, per_peer=http.connections_per_peer)


@asynccontextmanager
async def served(app: ASGIApp, listener: socket.socket, limits: ConnectionLimits) -> AsyncIterator[None]:
    """Answer calls while inside; afterwards no call is under way."""
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http=limited(limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=limits.connections + 1,  # counts calls whose callers have left, too
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(GRACE.total_seconds()),
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await serving


@contextmanager
def _heeding_signals(events: Mapping[signal.Signals, asyncio.Event]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number, event in events.items():
        loop.add_signal_handler(number, event.set)
    try:
        yield
    finally:
        for number in events:
            loop.remove_signal_handler(number)


class _IntoOurLog(logging.Handler):
    """What libraries say, as one of our events: nothing but JSON lines leaves the daemon."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.log(record.levelno, "library_said", logger=record.name, text=record.getMessage(), exc_info=record.exc_info)


def _take_up_library_logs() -> None:
    root = logging.getLogger()
    root.handlers[:] = [_IntoOurLog()]
    logging.captureWarnings(capture=True)
