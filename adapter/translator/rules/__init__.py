"""The closed set of rules: each turns a row's argument into a function from (value, context) to what the target gets.

`reference.py` is the table of them all; the modules beside it hold the rules by kind of value.
"""

from __future__ import annotations

from adapter.translator.rules.gathering import inner_rule
from adapter.translator.rules.making import Conversion, Maker, Tools
from adapter.translator.rules.reference import RULES, Gives, Rule
from adapter.translator.rules.words import code_cells

__all__ = ["RULES", "Conversion", "Gives", "Maker", "Rule", "Tools", "code_cells", "inner_rule"]
