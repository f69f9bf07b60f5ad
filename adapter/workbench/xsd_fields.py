"""XML Schema read as fields, with every facet; the codecs are compiled elsewhere, this is for comparing and showing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lxml import etree

from adapter.workbench.fields import Field, Kind, Limits
from adapter.workbench.xsd_schemas import XS, Declaration, Schemas

_SECTION = Limits(Kind.SECTION)
_DEEPEST = 32

_WHOLE = ("integer", "int", "long", "short", "byte")
_FROM_ZERO = ("nonNegativeInteger", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte")
_BUILT_IN: Mapping[str, Limits] = {
    **{name: Limits(Kind.INTEGER) for name in _WHOLE},
    **{name: Limits(Kind.INTEGER, least="0") for name in _FROM_ZERO},
    "positiveInteger": Limits(Kind.INTEGER, least="1"),
    "negativeInteger": Limits(Kind.INTEGER, most="-1"),
    "nonPositiveInteger": Limits(Kind.INTEGER, most="0"),
    **{name: Limits(Kind.DECIMAL) for name in ("decimal", "float", "double")},
    "boolean": Limits(Kind.BOOLEAN),
    "date": Limits(Kind.DAY),
    "dateTime": Limits(Kind.INSTANT),
    "time": Limits(Kind.CLOCK),
    "base64Binary": Limits(Kind.BINARY),
    "hexBinary": Limits(patterns=("([0-9A-Fa-f]{2})*",)),
    "duration": Limits(patterns=("P[0-9]+D",)),
    "gYear": Limits(patterns=("[0-9]{4}",)),
    "gYearMonth": Limits(patterns=("[0-9]{4}-(0[1-9]|1[0-2])",)),
    "language": Limits(patterns=("[a-z]{2}",)),
    **{name: Limits(patterns=("[A-Za-z_][A-Za-z0-9_.-]*",)) for name in ("NCName", "Name", "ID", "IDREF", "QName")},
    "anyType": Limits(Kind.ANYTHING),
}
"""The built-in types with what they let be; whatever is not here is text."""

_FACETS: Mapping[str, str] = {
    "minInclusive": "least",
    "maxInclusive": "most",
    "minLength": "shortest",
    "maxLength": "longest",
    "totalDigits": "digits",
    "fractionDigits": "fraction_digits",
}
_AS_WRITTEN = frozenset({"least", "most"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a content model a particle stands."""

    within: tuple[str, ...] = ()
    least: int = 1
    is_repeated: bool = False
    is_alternative: bool = False
    is_other: bool = False


class XsdFields:
    """Fields of elements and types, by `{namespace}name`; what no schema declares is anything."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def element(self, name: str) -> Field:
        """A global element."""
        declared = self._schemas.get(("element", name))
        if declared is None:
            return Field(etree.QName(name).localname, Limits(Kind.ANYTHING), tag=name)
        return self._element(declared, _Place(), name)

    def of_type(self, name: str, type_name: str, tag: str) -> Field:
        """An element that a WSDL declares by its type, as rpc does."""
        return self._typed(Field(name, Limits(), tag=tag), type_name, _Place())

    def _element(self, here: Declaration, place: _Place, tag: str | None = None) -> Field:
        node = here.node
        if node.get("ref"):
            name = here.name_in("ref")
            declared = self._schemas.get(("element", name), here)
            field = self._element(declared, place, name) if declared is not here else Field(name, Limits(), tag=name)
            return replace(field, least=_least(node, place), most=_most(node, place))
        is_qualified = node.get("form", "qualified" if here.is_qualified else "unqualified") == "qualified"
        local = node.get("name", "")
        field = Field(
            name=local,
            limits=Limits(),
            least=_least(node, place),
            most=_most(node, place),
            tag=tag or (f"{{{here.namespace}}}{local}" if is_qualified else local),
            is_alternative=place.is_alternative,
            is_other=place.is_other,
        )
        inner = _first(node, "complexType", "simpleType")
        if inner is not None:
            return self._declared(field, here.at(inner), place)
        return self._typed(field, here.name_in("type") or f"{XS}anyType", place)

    def _typed(self, field: Field, name: str, place: _Place) -> Field:
        if name.startswith(XS):
            return replace(field, limits=_BUILT_IN.get(name.removeprefix(XS), Limits()))
        if name in place.within or len(place.within) > _DEEPEST:
            return replace(field, limits=_SECTION, is_cut=True)
        for kind in ("complexType", "simpleType"):
            if declared := self._schemas.get((kind, name)):
                return self._declared(field, declared, _Place((*place.within, name)))
        return replace(field, limits=Limits(Kind.ANYTHING))

    def _declared(self, field: Field, here: Declaration, place: _Place) -> Field:
        if here.node.tag == f"{XS}simpleType":
            return replace(field, limits=self._simple(here))
        below = _Place(place.within)
        simple = _first(here.node, "simpleContent")
        if simple is not None:
            base = self._typed(Field("", Limits()), here.at(simple[-1]).name_in("base"), below)
            parts = (*base.parts, *self._attributes(here.at(simple[-1])))
            return replace(field, limits=_narrowed(base.limits, simple[-1]), parts=parts)
        return replace(field, limits=_SECTION, parts=tuple(self._content(here, below)))

    def _content(self, here: Declaration, place: _Place) -> Iterator[Field]:
        """A complex type's own particles and attributes, after those of the type that it extends."""
        complex_content = _first(here.node, "complexContent")
        if complex_content is not None:
            derived = here.at(complex_content[-1])
            if derived.node.tag == f"{XS}extension":
                yield from self._typed(Field("", Limits()), derived.name_in("base"), place).parts
            here = derived
        for particle in _particles(here.node):
            yield from self._particle(here.at(particle), place)
        yield from self._attributes(here)

    def _particle(self, here: Declaration, place: _Place) -> Iterator[Field]:
        kind = etree.QName(here.node).localname
        if kind == "element":
            yield self._element(here, place)
        elif kind == "group":
            declared = self._schemas.get(("group", here.name_in("ref")))
            for particle in _particles(declared.node) if declared else ():
                yield from self._particle(declared.at(particle) if declared else here, _inside(here.node, place))
        elif kind in {"sequence", "all", "choice"}:
            inner = _inside(here.node, place)
            is_choice = kind == "choice" and len(_particles(here.node)) > 1
            for number, particle in enumerate(_particles(here.node)):
                chosen = replace(inner, is_alternative=True, is_other=inner.is_other or number > 0)
                yield from self._particle(here.at(particle), chosen if is_choice else inner)

    def _attributes(self, here: Declaration) -> Iterator[Field]:
        for node in here.node.iterchildren(f"{XS}attribute", f"{XS}attributeGroup"):
            if node.tag == f"{XS}attributeGroup":
                declared = self._schemas.get(("attributeGroup", here.at(node).name_in("ref")))
                yield from self._attributes(declared) if declared else ()
            elif node.get("use") != "prohibited":
                yield self._attribute(here.at(node))

    def _attribute(self, here: Declaration) -> Field:
        least = int(here.node.get("use") == "required")
        name = here.name_in("ref") or here.node.get("name", "")
        declared = self._schemas.get(("attribute", name)) if here.node.get("ref") else here
        inner = _first(declared.node, "simpleType") if declared else None
        field = Field(etree.QName(name).localname, Limits(), least=least, tag=name, is_attribute=True)
        if declared is not None and inner is not None:
            return replace(field, limits=self._simple(declared.at(inner)))
        return self._typed(field, declared.name_in("type") if declared else f"{XS}string", _Place())

    def _simple(self, here: Declaration) -> Limits:
        """A simple type: its base's limits, narrowed. A list is text; of a union the first member's are taken."""
        restriction = _first(here.node, "restriction")
        if restriction is not None:
            inner = _first(restriction, "simpleType")
            base = self._simple(here.at(inner)) if inner is not None else self._named(here.at(restriction), "base")
            return _narrowed(base, restriction)
        union = _first(here.node, "union")
        if union is None:
            return Limits()
        inner = _first(union, "simpleType")
        first = here.at(union).node.get("memberTypes", "").split()[:1]
        if inner is not None or not first:
            return self._simple(here.at(inner)) if inner is not None else Limits()
        prefix, _, local = first[0].rpartition(":")
        return self._typed(Field("", Limits()), f"{{{union.nsmap.get(prefix or None, '')}}}{local}", _Place()).limits

    def _named(self, here: Declaration, attribute: str) -> Limits:
        return self._typed(Field("", Limits()), here.name_in(attribute) or f"{XS}string", _Place()).limits


def _narrowed(base: Limits, restriction: etree._Element) -> Limits:
    """The base's limits with a restriction's own facets; patterns of one restriction are alternatives of each other."""
    patterns = [one.get("value", "") for one in restriction.iterchildren(f"{XS}pattern")]
    values = [one.get("value", "") for one in restriction.iterchildren(f"{XS}enumeration")]
    found: dict[str, str | int] = {}
    for node in restriction.iterchildren("*"):
        name, value = etree.QName(node).localname, node.get("value", "")
        if name in _FACETS:
            found[_FACETS[name]] = value if _FACETS[name] in _AS_WRITTEN else int(value)
        elif name == "length":
            found |= {"shortest": int(value), "longest": int(value)}
        elif name in {"minExclusive", "maxExclusive"} and value.lstrip("-").isdigit():
            found |= {"least": str(int(value) + 1)} if name == "minExclusive" else {"most": str(int(value) - 1)}
    return replace(
        base,
        enumeration=tuple(values) or base.enumeration,
        patterns=(*base.patterns, "|".join(patterns)) if patterns else base.patterns,
        **found,  # type: ignore[arg-type] # the names are those of Limits, each with its type
    )


def _first(node: etree._Element, *names: str) -> etree._Element | None:
    return next(node.iterchildren(*(f"{XS}{name}" for name in names)), None)


def _particles(node: etree._Element) -> list[etree._Element]:
    return list(node.iterchildren(*(f"{XS}{name}" for name in ("element", "group", "sequence", "all", "choice"))))


def _inside(node: etree._Element, place: _Place) -> _Place:
    """Within a group that need not stand nothing needs to; within one that repeats everything does."""
    is_repeated = place.is_repeated or node.get("maxOccurs", "1") not in {"0", "1"}
    return replace(place, least=min(place.least, int(node.get("minOccurs", "1"))), is_repeated=is_repeated)


def _least(node: etree._Element, place: _Place) -> int:
    return min(int(node.get("minOccurs", "1")), int(node.get("minOccurs", "1")) * place.least)


def _most(node: etree._Element, place: _Place) -> int | None:
    most = node.get("maxOccurs", "1")
    return None if most == "unbounded" or place.is_repeated else int(most)
