"""`panjereh journal` and `panjereh migrate`: the audit's chain, and the schema."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from adapter.journal.migrating import look
from adapter.journal.migrating import migrate as carry_out
from adapter.journal.schema import REVISION
from ops.cli.asking import Where, ask
from ops.cli.exits import Exit
from ops.cli.printing import print_json, say
from ops.settings_file import load_settings

app = App(name="journal", help="Verify the journal's audit.", help_format="plaintext")

_HERE = Where()


@app.command
def verify(*, where: Where = _HERE) -> int:
    """Follow every audit record to the one before; exit code 1 at the first that does not follow."""
    told = ask(where, "journal.verify", {})
    if where.json:
        print_json(told)
    elif told["is_whole"]:
        counts = ", ".join(f"{writer}: {count} records" for writer, count in told["records"].items())
        say(f"{counts}; all follow" if counts else "there are no records yet")
    else:
        broken = told["first_broken"]
        say(f"{broken['writer']}: record {broken['number']} ({broken['event']}) does not follow from the one before")
    return Exit.OK if told["is_whole"] else Exit.FINDINGS


def migrate(
    *,
    apply: Annotated[bool, Parameter(negative="", help="Do it; without this only what would happen is told.")] = False,
    where: Where = _HERE,
) -> int:
    """Bring the journal's schema up to this version, while no daemon holds it; back it up before."""
    settings = load_settings(where.config)
    before, after = carry_out(settings.database) if apply else (look(settings.database), REVISION)
    if where.json:
        print_json({"before": before, "after": after, "applied": apply})
    elif before == after:
        say(f"the schema is {after}, as this version needs it; there is nothing to do")
    elif apply:
        say(f"the schema was {before} and is {after}")
    else:
        say(f"the schema is {before}; --apply brings it to {after}: stop every daemon and back the journal up before")
    return Exit.OK
