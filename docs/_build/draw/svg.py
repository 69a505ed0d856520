"""Matplotlib's SVG as the page has it: small, in its colours, and without inline style."""

from __future__ import annotations

import hashlib
import re
from xml.etree import ElementTree

from draw.style import COLOURS, LOWERED

OWN_ID = re.compile(r"[\w.]+_\d+")  # Matplotlib numbers its groups; a gid of ours stays
DECIMALS = re.compile(r"-?\d+\.\d{2,}")
POWER = re.compile(r"(.*\d)([⁻⁰¹²³⁴-⁹]+)", re.DOTALL)


def shrunk(svg: str) -> tuple[str, str, list[float]]:
    """A drawing without what nobody sees.

    Returns:
        What begins all ids in it, which must differ between the figures of a page; what stands
        within its ``<svg>``; and its view box.
    """
    tree = ElementTree.fromstring(svg)
    _tidy(tree)
    prefix = f"f{hashlib.sha256(ElementTree.tostring(tree)).hexdigest()[:8]}"
    for element in tree.iter():
        for name, value in element.items():
            if name == "id":
                element.set(name, prefix + value)
            elif value.startswith(("#", "url(#")):
                element.set(name, value.replace("#", f"#{prefix}", 1))
    inside = "".join(ElementTree.tostring(child, "unicode") for child in tree)
    view = [float(number) for number in tree.get("viewBox", "").split()]
    return prefix, inside.replace(" />", "/>"), view


def _tidy(element) -> None:
    """Leave out what Matplotlib notes for itself, what is invisible, and groups that say nothing."""
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = _attributes(element)
    element.text = (element.text or "") if (element.text or "").strip() else None
    element.tail = None
    kept = []
    for child in element:
        _tidy(child)
        if child.tag == "g" and not child.attrib:
            kept += child
        elif not _says_nothing(child):
            kept.append(child)
    element[:] = kept
    if element.tag == "text" and (power := POWER.fullmatch(element.text or "")):
        element.text = power[1]
        raised = ElementTree.SubElement(element, "tspan", {"dy": "-4", "font-size": "7px"})
        raised.text = power[2].translate(LOWERED)


def _says_nothing(element) -> bool:
    if element.tag == "path":
        return set(element.attrib) == {"d", "fill"} and element.get("fill") == "none"
    return element.tag in ("metadata", "style") or (element.tag == "defs" and not len(element))


def _attributes(element) -> dict[str, str]:
    """Attributes with short numbers; style as attributes: a strict content policy forbids it."""
    found = {}
    for name, value in element.items():
        if name == "style":
            pairs = (declaration.partition(":") for declaration in value.split(";"))
            found |= {key.strip(): said.strip() for key, _, said in pairs}
        elif name in ("d", "x", "y", "transform"):  # to a hundredth of a pixel
            short = DECIMALS.sub(lambda n: f"{float(n[0]):.2f}".rstrip("0").rstrip("."), value)
            found[name] = (
                re.sub(r"\s*([A-Za-z])\s*", r"\1", short).strip() if name == "d" else short
            )
        else:
            found[name.rpartition("}")[2]] = value
    found.pop("font-family", None)  # the page has its own font
    if element.tag == "g" and OWN_ID.fullmatch(found.get("id", "")):
        del found["id"]
    if found.get("transform", "").startswith("rotate(-0 "):
        del found["transform"]
    if element.tag == "image":
        found["href"] = "".join(found["href"].split())
    return {name: COLOURS.get(value, value) for name, value in found.items()}
