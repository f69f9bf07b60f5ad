"""The way out: requests to other systems over HTTP, and what became of each."""

from adapter.callers.clamd import Clamd
from adapter.callers.credentials import Client, Credentials, Opener, Tokens, basic, bearer
from adapter.callers.target import HttpTarget
from adapter.callers.wire import InCallRetries, Timeouts, Wire

__all__ = [
    "Clamd",
    "Client",
    "Credentials",
    "HttpTarget",
    "InCallRetries",
    "Opener",
    "Timeouts",
    "Tokens",
    "Wire",
    "basic",
    "bearer",
]
