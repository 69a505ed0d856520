"""The look that all drawings share, and Matplotlib's SVG as the page has it.

Colours are stand-ins while Matplotlib draws; the page has its own, in light and in dark: `site.css`.
"""

import hashlib
import re
from xml.etree import ElementTree

import matplotlib
from matplotlib.colors import to_hex

CYCLE = [f"#0000c{n}" for n in range(8)]
INK, MUTED, GRID, PAPER = "#0000a0", "#0000a1", "#0000a2", "#0000a3"
COLOURS = {stand_in: f"var(--fig-{n})" for n, stand_in in enumerate(CYCLE)}
COLOURS |= {INK: "var(--fig-ink)", MUTED: "var(--fig-muted)"}
COLOURS |= {GRID: "var(--fig-grid)", PAPER: "var(--fig-paper)"}
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "figures",  # the same bytes on every run
    "axes.prop_cycle": matplotlib.cycler(color=CYCLE),
    **{"axes.titlesize": 10, "grid.linewidth": 0.6, "lines.linewidth": 1.8, "grid.color": GRID},
    **dict.fromkeys(("axes.grid", "axes.axisbelow"), True),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor"), "none"),
    **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), MUTED),
    **dict.fromkeys(("axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK),
    **dict.fromkeys(("text.color", "patch.edgecolor"), INK),
}
RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = {raised: plain for plain, raised in RAISED.items()}
POWER = re.compile(r"(.*\d)([⁻⁰¹²³⁴-⁹]+)", re.DOTALL)
OWN_ID = re.compile(r"[\w.]+_\d+")  # Matplotlib numbers its groups; a gid of ours stays
DECIMALS = re.compile(r"-?\d+\.\d{2,}")


def themed(colour) -> str:
    """A colour of Matplotlib's as the page writes it."""
    return COLOURS.get(to_hex(colour), to_hex(colour))


def shrunk(svg: str) -> dict:
    """A drawing without what nobody sees: what stands within its element, and its view box.

    All ids in it begin with its ``id``, since they must differ between the figures of a page.
    """
    tree = ElementTree.fromstring(svg)
    _tidy(tree)
    prefix = f"f{hashlib.sha256(ElementTree.tostring(tree)).hexdigest()[:8]}"
    for element in tree.iter():
        for name, value in element.items():
            if name == "id":
                element.set(name, prefix + value)
            elif value.startswith("#" if name == "href" else "url(#"):
                element.set(name, value.replace("#", f"#{prefix}", 1))
    inside = "".join(ElementTree.tostring(child, "unicode") for child in tree).replace(" />", "/>")
    return {"id": prefix, "svg": inside, "view": list(map(float, tree.get("viewBox").split()))}


def _tidy(element) -> None:
    """Leave out what Matplotlib notes for itself, what is invisible, and groups that say nothing."""
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = _attributes(element)
    element.text = element.text if (element.text or "").strip() else None
    element.tail = None
    kept = []
    for child in element:
        _tidy(child)
        if child.tag == "g" and not child.attrib:
            kept += child
        elif not (
            child.tag in ("metadata", "style")
            or (child.tag == "defs" and not len(child))
            or (child.tag == "path" and child.attrib == {"d": child.get("d"), "fill": "none"})
        ):
            kept.append(child)
    element[:] = kept
    if element.tag == "text" and (power := POWER.fullmatch(element.text or "")):
        element.text = power[1]
        raised = ElementTree.SubElement(element, "tspan", {"dy": "-4", "font-size": "7px"})
        raised.text = power[2].translate(LOWERED)


def _attributes(element) -> dict[str, str]:
    """Attributes with short numbers; style as attributes: a strict content policy forbids it."""
    found = {}
    for name, value in element.items():
        name = name.rpartition("}")[2]
        if name == "style":
            pairs = (declaration.partition(":") for declaration in value.split(";"))
            found |= {key.strip(): said.strip() for key, _, said in pairs}
            continue
        if name in ("d", "x", "y", "transform"):  # to a hundredth of a pixel
            value = DECIMALS.sub(lambda n: f"{float(n[0]):.2f}".rstrip("0").rstrip("."), value)
        if name == "d":
            value = re.sub(r"\s*([A-Za-z])\s*", r"\1", value).strip()
        found[name] = "".join(value.split()) if name == "href" else value
    found.pop("font-family", None)  # the page has its own font
    if element.tag == "g" and OWN_ID.fullmatch(found.get("id", "")):
        del found["id"]
    if found.get("transform", "").startswith("rotate(-0 "):
        del found["transform"]
    return {name: COLOURS.get(value, value) for name, value in found.items()}
