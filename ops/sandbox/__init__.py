"""The other side, for integrators who have no test gateway: a gateway, an urban core and a revenue system on loopback.

Nothing here imports the adapter or the connectors: what proves the adapter right must not share its mistakes.
"""

from ops.sandbox.sandbox import Sandbox, serve
from ops.sandbox.settings import SandboxSettings

__all__ = ["Sandbox", "SandboxSettings", "serve"]
