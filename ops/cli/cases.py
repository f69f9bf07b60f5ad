"""`panjereh cases`: the life of one case."""

from __future__ import annotations

from cyclopts import App

from ops.cli import lives
from ops.cli.asking import Where, ask
from ops.cli.exits import Exit
from ops.cli.printing import print_json

app = App(name="cases", help="Show the life of a case by its tracking code.", help_format="plaintext")

_HERE = Where()


@app.command
def show(tracking_code: str, /, *, where: Where = _HERE) -> int:
    """Tell a case, its exchanges, and everything that was told of it."""
    told = ask(where, "cases.show", {"tracking_code": tracking_code})
    if where.json:
        print_json(told)
    else:
        lives.print_case(told)
    return Exit.OK
