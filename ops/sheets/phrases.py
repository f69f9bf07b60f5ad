"""What a clerk may meet in a workbook, in Persian: the kinds of faults by the words of their English sentences."""

from __future__ import annotations

import re

_PHRASES: tuple[tuple[str, str], ...] = (
    ("still to be filled in", "این خانه هنوز پر نشده است."),
    ("a formula is not read", "فرمول خوانده نمی‌شود؛ مقدار آن را به صورت متن بنویسید."),
    ("the program could not compute", "این خانه خطای محاسبه دارد؛ مقدار آن را به صورت متن بنویسید."),
    ("truth value", "برنامه از این نوشته درست یا نادرست ساخته است؛ آن را به صورت متن بنویسید."),
    ("made a date of this", "برنامه از این نوشته تاریخ ساخته است؛ آن را به صورت متن بنویسید."),
    ("old Gregorian date", "برنامه تاریخ را میلادی کرده است؛ روز را به صورت متن و مانند 1405/07/01 بنویسید."),
    ("the day has a time", "ساعت را پاک کنید و تنها روز را بنویسید."),
    ("zeros that numbers lose", "عدد، صفرِ آغاز کدها را می‌اندازد؛ آن را به صورت متن بنویسید."),
    ("digits has lost the last ones", "عدد بلندتر از آن است که برنامه نگه دارد؛ آن را به صورت متن بنویسید."),
    ("are merged", "خانه‌ها ادغام شده‌اند؛ آن‌ها را از هم جدا کنید."),
    ("names no file", "در این خانه باید نام پروندهٔ این برگه باشد، مانند codes/status.csv."),
    ("the sheet .* is of .*, too", "دو برگه نام یک پرونده را دارند؛ یکی را نگه دارید."),
    ("the column has no name", "این ستون نام ندارد؛ سرستون آن را بنویسید یا خانه را خالی کنید."),
    ("the column .*stands twice", "این ستون دو بار آمده است؛ یکی را نگه دارید."),
    ("is not a column here", "چنین ستونی در این جدول نیست؛ نام سرستون را درست کنید."),
    ("the column is missing", "یکی از ستون‌های لازم نیست."),
    ("stands twice", "این ردیف تکراری است؛ یکی را نگه دارید یا شرط‌هایشان را جدا کنید."),
    ("has two meanings", "یک کد دو معنا دارد؛ یکی از دو ردیف را با valid_to پایان دهید."),
    ("the row has no code", "این ردیف کد ندارد؛ gateway یا internal را پر کنید."),
    ("is not a day", "این تاریخ درست نیست؛ آن را مانند 1405/07/01 بنویسید."),
    ("ends before it begins", "پایان اعتبار پیش از آغاز آن است."),
    ("is not a rule", "چنین قاعده‌ای نیست؛ از فهرست برگزینید."),
    ("is not a kind;", "چنین گونه‌ای نیست؛ از فهرست برگزینید."),
    ("is not known", "این واژه شناخته نیست؛ از فهرست برگزینید."),
    ("is neither yes nor", "در این خانه تنها yes می‌آید، یا خالی می‌ماند."),
    ("has no row", "کد یا واژه‌ای که ممکن است بیاید در جدول کد ردیفی ندارد؛ یک ردیف بیفزایید."),
    ("no row uses this codes file", "هیچ ردیفی این جدول کد را به کار نمی‌برد؛ نام پرونده در A1 را ببینید."),
    ("is no document", "این فیلد در قرارداد جای سند نیست؛ قاعده یا فیلد را درست کنید."),
    ("is not in ", "چنین فیلدی در پیام نیست؛ از فهرست برگزینید."),
    ("no row fills", "یک فیلد الزامی را هیچ ردیفی پر نمی‌کند؛ ردیفی برای آن بیفزایید."),
    ("repeats", "تکرارشوندگی مبدأ و مقصد با هم نمی‌خواند؛ جای [] را ببینید."),
    ("may hold|gives such as|gives a whole number|gives text", "آنچه می‌آید با آنچه سوی دیگر می‌پذیرد نمی‌خواند."),
    ("never", "این ردیف یا کد هرگز به کار نمی‌رود؛ آن را درست کنید یا پاک کنید."),
    ("does not fit", "این مقدار با قاعده یا با سوی دیگر نمی‌خواند."),
    ("no case", "برای این جدول نمونه‌ای در cases نیست؛ به کارشناس فنی بگویید."),
    ("is not a key here|the key is missing|neither a key", "نام کلید درست نیست یا کلید لازمی نیست."),
    ("the value is", "مقدار این خانه از گونهٔ درست نیست."),
    ("is empty", "این خانه نباید خالی باشد."),
)  # fmt: skip

_OTHERWISE = "این خانه درست نیست."


def persian_of(sentence: str) -> str:
    """The Persian sentence for a fault's English one; of a kind that a clerk hardly meets only that it is one."""
    return next((persian for english, persian in _PHRASES if re.search(english, sentence)), _OTHERWISE)
