"""The way in: a gateway contract's inward operations, served over REST and SOAP into one canonical record."""

from adapter.doors.reading import Limits, Receive
from adapter.doors.routing import routes

__all__ = ["Limits", "Receive", "routes"]
