"""Large documents through a whole daemon: inward in MTOM and as a form, outward from the core to the gateway."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ops.demo.installation import Installation, install
from ops.demo.processes import free_port
from tests.figures import Figure
from tests.support.far_side import FarSide, digest_of, far_side, pieces_of, record_of, roomy_mappings
from tests.support.records import permit
from tests.support.running import running, until_ready

MIB = 1024 * 1024
MOST_GROWTH_MIB = 30
_SMALL = 300_000
_NS = "urn:panjereh:window:1.0"
_INCLUDE = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:paper"/>'


def measure(folder: Path, *, size: int) -> list[Figure]:
    """By how much the daemon's memory grows while a document of this size passes, each way, and how fast it does."""
    with far_side() as (far, address):
        port = free_port()
        far_sides = dict.fromkeys(("gateway", "urban_core"), address)
        installation = install(
            folder / "documents",
            far_sides,
            services=["building_permit"],
            scale=0.01,
            port=port,
            gateway_binding="rest",
            channels=["counter"],
        )
        mappings = roomy_mappings(folder / "mappings", 200 * MIB)
        text = f"mappings = {json.dumps(str(mappings))}\n{installation.settings.read_text(encoding='utf-8')}"
        installation.settings.write_text(text, encoding="utf-8")
        with running(installation) as process:
            until_ready(f"http://127.0.0.1:{port}/readyz")
            door = Door(port, installation, far, process.pid)
            code = door.submit()
            for number, way in enumerate(WAYS):  # what is loaded at the first use is no growth
                door.attach(code, f"S-{number}", _SMALL, way)
            figures = [
                figure
                for way in WAYS
                for figure in door.figures(
                    f"inward, {way}",
                    size,
                    lambda way=way: door.attach(code, f"D-{way[:4]}", size, way),  # type: ignore[misc] # bound now
                )
            ]
            return figures + door.figures("from inside to the gateway", size, lambda: door.tell(size))


class Door:
    """The daemon as a counter reaches it."""

    def __init__(self, port: int, installation: Installation, far: FarSide, pid: int) -> None:
        self._port, self._key, self._far, self._pid = port, installation.keys["counter"], far, pid

    def submit(self) -> str:
        """A case that the core knows; its tracking code."""
        answer = self._post("/window/v1/requests", "application/json", [json.dumps(permit()).encode()], "submit")
        self._until("RegisterRequest", 1)
        return str(json.loads(answer)["tracking_code"])

    def attach(self, code: str, number: str, size: int, way: str) -> None:
        """A document was taken at the door and handed to the core, byte by byte the same."""
        before = len(self._far.came.get("AddDocument", ()))
        path, media_type, head, tail = WAYS[way](code, record_of(code, number, size))
        self._post(path, media_type, [head, pieces_of(size), tail], f"attach-{number}", length=size)
        self._until("AddDocument", before + 1)
        assert self._far.came["AddDocument"][-1][1] == digest_of(size)

    def tell(self, size: int) -> None:
        """A document was fetched from the core, and the gateway told of it with its content."""
        self._far.digest, self._far.tells = digest_of(size), size
        self._until("documents", 1)
        assert self._far.came["documents"][-1][1] == digest_of(size)

    def figures(self, name: str, size: int, work: Callable[[], None]) -> list[Figure]:
        """The growth of the daemon's memory over the work, in MiB, and its seconds."""
        digest_of(size)
        Path(f"/proc/{self._pid}/clear_refs").write_text("5", encoding="ascii")
        before, began = self._memory("VmRSS"), time.perf_counter()
        work()
        seconds, mib = time.perf_counter() - began, size / MIB
        growth = self._memory("VmHWM") - before
        note = f"{mib:.0f} MiB in {seconds:.1f} s, {mib / seconds:.0f} MiB/s; from {before:.0f} MiB"
        return [Figure(f"document {name}", growth, "MiB", MOST_GROWTH_MIB, at_most=True, note=note)]

    def _memory(self, name: str) -> float:
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def _post(
        self, path: str, media_type: str, parts: list[bytes | Iterator[bytes]], key: str, *, length: int = 0
    ) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        whole = length + sum(len(part) for part in parts if isinstance(part, bytes))
        headers = {"X-Api-Key": self._key, "Idempotency-Key": f"bench-document-{key}", "Content-Type": media_type}
        connection.request("POST", path, headers={**headers, "Content-Length": str(whole)}, body=_joined(parts))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status in {200, 202}, (answer.status, content.decode())
        return content

    def _until(self, operation: str, count: int) -> None:
        for _ in range(6000):
            if len(self._far.came.get(operation, ())) >= count:
                return
            time.sleep(0.02)
        raise AssertionError(f"{operation}: not {count} after 2 minutes, but {sorted(self._far.came)}")


def _joined(parts: list[bytes | Iterator[bytes]]) -> Iterator[bytes]:
    for part in parts:
        yield from [part] if isinstance(part, bytes) else part


def _mtom(code: str, record: bytes) -> tuple[str, str, bytes, bytes]:
    told = json.loads(record)
    fields = [f"<tracking_code>{code}</tracking_code><channel><code>counter</code></channel>"]
    fields += [f"<{name}>{told[name]}</{name}>" for name in ("document_no", "kind", "title", "media_type")]
    message = f"{''.join(fields)}<content>{_INCLUDE}</content><sha256>{told['sha256']}</sha256>"
    body = f'<AttachDocument xmlns="{_NS}">{message}</AttachDocument>'
    header = f'<IdempotencyKey xmlns="{_NS}">bench-document-attach-{told["document_no"]}</IdempotencyKey>'
    envelope = f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body>"
    root = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">{envelope}</s:Envelope>'
    head = f'--b\r\nContent-Type: application/xop+xml; type="text/xml"\r\nContent-ID: <root>\r\n\r\n{root}\r\n'
    head += "--b\r\nContent-Type: application/pdf\r\nContent-ID: <paper>\r\n\r\n"
    media_type = 'multipart/related; type="application/xop+xml"; start="<root>"; start-info="text/xml"; boundary=b'
    return "/window/v1/soap", media_type, head.encode(), b"\r\n--b--\r\n"


def _form(code: str, record: bytes) -> tuple[str, str, bytes, bytes]:
    told = {name: value for name, value in json.loads(record).items() if name != "tracking_code"}
    message = json.dumps(told, ensure_ascii=False)
    head = '--b\r\nContent-Disposition: form-data; name="message"\r\nContent-Type: application/json\r\n\r\n'
    head += f'{message}\r\n--b\r\nContent-Disposition: form-data; name="content"; filename="plan.pdf"\r\n'
    head += "Content-Type: application/pdf\r\n\r\n"
    path = f"/window/v1/requests/{code}/documents"
    return path, "multipart/form-data; boundary=b", head.encode(), b"\r\n--b--\r\n"


WAYS: dict[str, Callable[[str, bytes], tuple[str, str, bytes, bytes]]] = {"MTOM": _mtom, "form": _form}
