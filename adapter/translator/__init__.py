"""Tables compiled to functions: a record and a context in, a payload out. Pure."""

from __future__ import annotations

from adapter.translator.codes import CodeBook, read_codes
from adapter.translator.compile import Table, compile_table
from adapter.translator.paths import Context
from adapter.translator.rules import RULES, Tools
from adapter.translator.tracing import Step, traced

__all__ = ["RULES", "CodeBook", "Context", "Step", "Table", "Tools", "compile_table", "read_codes", "traced"]
