"""A scanner that speaks clamd's protocol and finds what begins like the EICAR file, without being it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

SIGN = b"INVENTED-VIRUS-SIGN"
NAME = "Invented-Test-Signature"


@dataclass
class FakeClamd:
    """What it scanned; `most` is its StreamMaxLength, `says` its reply in place of a verdict."""

    most: int = 1_000_000_000
    says: bytes | None = None
    scanned: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readexactly(10) == b"zINSTREAM\0"
            content = b""
            while length := int.from_bytes(await reader.readexactly(4), "big"):
                content += await reader.readexactly(length)
                if len(content) > self.most:
                    writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                    return
            self.scanned.append(content)
            verdict = f"stream: {NAME} FOUND\0" if SIGN in content else "stream: OK\0"
            writer.write(verdict.encode() if self.says is None else self.says)
        except asyncio.IncompleteReadError:
            pass  # who asked has gone
        finally:
            writer.close()


@asynccontextmanager
async def listening(scanner: FakeClamd, folder: Path | None = None) -> AsyncIterator[str]:
    """Its address: a Unix socket in the folder, else a port."""
    if folder is not None:
        serving = await asyncio.start_unix_server(scanner, folder / "clamd.ctl")
        address = f"unix:{folder / 'clamd.ctl'}"
    else:
        serving = await asyncio.start_server(scanner, "127.0.0.1", 0)
        address = f"tcp:127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    try:
        yield address
    finally:
        serving.close()
