"""What is refused at the door, and what its caller is told: the kind, the status, the titles; the docstring says more.

No refusal ever carries personal data: only names of fields, tables and systems.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapter.errors import PanjerehError


class RequestRefused(PanjerehError):
    """The request was not taken; nothing was kept."""

    kind = "request-refused"
    status = 400
    title_fa = "درخواست پذیرفته نشد"
    title_en = "The request was not taken"


class KeyMissing(RequestRefused):
    """Send the header Idempotency-Key, 16 to 255 letters, digits or . _ : - of your choice: one for each request."""

    kind = "idempotency-key-missing"
    title_fa = "کلید یکتایی فرستاده نشده است؛ سرایند Idempotency-Key را با ۱۶ تا ۲۵۵ نویسه بفرستید"
    title_en = "Idempotency-Key is missing"


class KeyUnusable(RequestRefused):
    """The Idempotency-Key must have 16 to 255 characters: letters, digits, dot, underscore, colon, hyphen."""

    kind = "idempotency-key-unusable"
    title_fa = "کلید یکتایی نادرست است"
    title_en = "Idempotency-Key is not usable"


class KeyConflict(RequestRefused):
    """This Idempotency-Key was used with another payload."""

    kind = "idempotency-key-conflict"
    status = 422
    title_fa = "این کلید با محتوای دیگری به کار رفته است"
    title_en = "Idempotency-Key was used with another payload"


class KeyRetired(RequestRefused):
    """This Idempotency-Key was used long ago, for a case that has ended; its answer is no longer kept."""

    kind = "idempotency-key-retired"
    status = 409
    title_fa = "این کلید پیش‌تر برای پرونده‌ای پایان‌یافته به کار رفته و پاسخ آن دیگر نگهداری نمی‌شود"
    title_en = "Idempotency-Key was used for a case that ended long ago"


class StillInFlight(RequestRefused):
    """A call with the same key is still being accepted; ask again in a moment."""

    kind = "in-flight"
    status = 409
    title_fa = "همین درخواست در حال ثبت است"
    title_en = "The same call is still being accepted"


class AlreadyFiled(RequestRefused):
    """The same business subject was filed before: with other content, or so long ago that its answer is gone."""

    kind = "already-filed"
    status = 409
    title_fa = "همین موضوع پیش‌تر ثبت شده است"
    title_en = "The same subject was filed before"


class CaseClosed(RequestRefused):
    """The case has ended and takes nothing more."""

    kind = "case-closed"
    status = 409
    title_fa = "این پرونده بسته شده است"
    title_en = "The case is closed"


class Unauthenticated(RequestRefused):
    """The API key is missing or unknown: send your API key in the header X-Api-Key."""

    kind = "unauthenticated"
    status = 401
    title_fa = "کلید دسترسی نیست یا ناشناخته است؛ آن را در سرایند X-Api-Key بفرستید"
    title_en = "The API key is missing or unknown"


class NotSigned(RequestRefused):
    """The message does not carry one signature, made with a secret that is known here, of one id and one time."""

    kind = "not-signed"
    status = 401
    title_fa = "پیام امضای درستی ندارد"
    title_en = "The message is not signed as it must be"


class OutOfTime(RequestRefused):
    """The message was signed too long ago, or in the future: set the clock, and sign anew at each try."""

    kind = "out-of-time"
    status = 401
    title_fa = "زمان امضای پیام پذیرفتنی نیست"
    title_en = "The message was not signed just now"


class MessageReused(RequestRefused):
    """This message id was used a moment ago with another content."""

    kind = "message-id-reused"
    status = 409
    title_fa = "این شناسهٔ پیام با محتوای دیگری به کار رفته است"
    title_en = "The message id was used with another content"


class UnknownService(RequestRefused):
    """No such service is offered to this tenant."""

    kind = "unknown-service"
    status = 404
    title_fa = "چنین خدمتی ارائه نمی‌شود"
    title_en = "No such service"


class ServiceStopped(RequestRefused):
    """The service's tables have faults; it takes nothing until they are mended."""

    kind = "service-stopped"
    status = 503
    title_fa = "این خدمت موقتاً در دسترس نیست"
    title_en = "The service is stopped"


class UnknownCase(RequestRefused):
    """No case with this tracking code is known to this tenant."""

    kind = "unknown-case"
    status = 404
    title_fa = "پرونده‌ای با این کد رهگیری یافت نشد"
    title_en = "No case with this tracking code"


class UnknownPayment(RequestRefused):
    """No such payment was confirmed in this case."""

    kind = "unknown-payment"
    status = 404
    title_fa = "چنین پرداختی در این پرونده تأیید نشده است"
    title_en = "No such payment was confirmed in this case"


class AmountDiffers(RequestRefused):
    """The amount is not the one that was confirmed; a payment is taken back whole."""

    kind = "amount-differs"
    status = 422
    title_fa = "مبلغ با پرداخت تأییدشده برابر نیست"
    title_en = "The amount is not that of the payment"


class OperationNotOffered(RequestRefused):
    """The service does not offer this operation."""

    kind = "operation-not-offered"
    status = 404
    title_fa = "این خدمت چنین عملی ندارد"
    title_en = "The service does not offer this operation"


class Unreadable(RequestRefused):
    """The body cannot be read."""

    kind = "unreadable"
    title_fa = "متن درخواست خوانا نیست"
    title_en = "The body cannot be read"


class TooLarge(RequestRefused):
    """The body is larger than this operation allows."""

    kind = "too-large"
    status = 413
    title_fa = "حجم درخواست بیش از اندازهٔ مجاز است"
    title_en = "The body is too large"


class MediaTypeNotTaken(RequestRefused):
    """The service takes no documents of this type; its card tells which it takes."""

    kind = "media-type-not-taken"
    status = 415
    title_fa = "این خدمت سندی از این نوع نمی‌پذیرد"
    title_en = "The service takes no documents of this type"


class TooManyDocuments(RequestRefused):
    """The case has as many documents as its service lets it have."""

    kind = "too-many-documents"
    status = 409
    title_fa = "پرونده بیش از این سند نمی‌پذیرد"
    title_en = "The case may have no more documents"


class DocumentNotSent(RequestRefused):
    """The message refers to a document that did not come with it; send the message and its document together."""

    kind = "document-not-sent"
    status = 422
    title_fa = "سندی که پیام از آن یاد می‌کند همراه آن نرسیده است"
    title_en = "A document that the message refers to did not come with it"


class TypeDiffers(RequestRefused):
    """A document's content is of another type than it is declared as."""

    kind = "document-type-differs"
    status = 422
    title_fa = "محتوای سند از نوعی که اعلام شده نیست"
    title_en = "A document is not of the type that it is declared as"


class DocumentDiffers(RequestRefused):
    """A document's content does not have the digest that was told of it."""

    kind = "document-differs"
    status = 422
    title_fa = "چکیدهٔ محتوای سند با آنچه اعلام شده یکی نیست"
    title_en = "A document does not have the digest that was told of it"


class Infected(RequestRefused):
    """The virus scanner found something in a document; it is not kept."""

    kind = "document-infected"
    status = 422
    title_fa = "ویروس‌یاب در سند بدافزار یافت؛ سند نگه داشته نشد"
    title_en = "The virus scanner found something in a document"


class NotScanned(RequestRefused):
    """The virus scanner cannot be asked now, and nothing passes it unscanned; send the document again later."""

    kind = "document-not-scanned"
    status = 503
    title_fa = "سند اکنون ویروس‌یابی نمی‌شود؛ کمی بعد دوباره بفرستید"
    title_en = "The document cannot be scanned now"


class TooBusy(RequestRefused):
    """More is waiting than can be kept in time; ask again later."""

    kind = "too-busy"
    status = 503
    title_fa = "سامانه پرکار است؛ کمی بعد دوباره بفرستید"
    title_en = "Too busy; send again later"


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where content breaks its contract: where, what was expected, what stood there (never a value)."""

    path: str
    expected: str
    found: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.path} (line {self.line})" if self.line else self.path
        return f"{place}: expected {self.expected}, found {self.found}"


class SchemaViolation(RequestRefused):
    """The content does not fit its contract."""

    kind = "schema-violation"
    title_fa = "محتوا با قرارداد نمی‌خواند"
    title_en = "The content does not fit the contract"

    def __init__(self, violations: list[Violation]) -> None:
        self.violations = violations
        super().__init__("; ".join(map(str, violations[:5])))
