"""A specialised service that stays in its office: intake answers where to go and with what; nothing follows."""

from __future__ import annotations

from adapter.pattern.step import Step

STEPS: tuple[Step, ...] = ()
