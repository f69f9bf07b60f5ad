"""The way in: a gateway contract's inward operations, served over REST and SOAP into one canonical record."""

from adapter.doors.arriving import LargeDocuments
from adapter.doors.reading import Limits, Receive
from adapter.doors.routing import routes
from adapter.doors.webhooks import Hear, webhook_route

__all__ = ["Hear", "LargeDocuments", "Limits", "Receive", "routes", "webhook_route"]
