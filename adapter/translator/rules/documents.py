"""The rule for documents that travel inside a message."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from adapter.errors import Unfit
from adapter.mark import mark_of
from adapter.translator.paths import Context
from adapter.translator.rules.making import Conversion, Tools, one_of
from adapter.translator.values import plain_text


def document(argument: str, _: Tools) -> Conversion:
    """Base64 content without line breaks (empty argument), or the SHA-256 of the content (`sha256`).

    A large document's mark stands for its content.
    """
    one_of(argument, ("", "sha256"))

    def convert(value: Any, _: Context) -> str:
        content = "".join(plain_text(value).split())
        mark = mark_of(content)
        if mark is not None:
            return mark.digest.hex() if argument else mark.text
        try:
            data = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise Unfit("the document is not Base64") from None
        if not data:
            raise Unfit("the document is empty")
        return hashlib.sha256(data).hexdigest() if argument else content

    return convert
