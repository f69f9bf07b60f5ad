"""The way out: requests to other systems over HTTP, and what became of each."""

from adapter.callers.target import HttpTarget
from adapter.callers.wire import Credentials, InCallRetries, Timeouts

__all__ = ["Credentials", "HttpTarget", "InCallRetries", "Timeouts"]
