from __future__ import annotations

import json

from tests.bench import translating


def test_the_table_of_thirty_fields_gives_what_the_function_by_hand_gives() -> None:
    record = json.loads((translating.FOLDER / "record.json").read_text(encoding="utf-8"))
    payload = translating.compiled().translate(record, translating.CONTEXT)
    assert payload == translating.by_hand(record, translating.CONTEXT)
    assert translating.fields_of(payload) == translating.FIELDS
