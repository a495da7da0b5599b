"""Make a figure's SVG fit to stand in a page: no clash of ids or styles with its neighbours, and a name for ears."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from bench.inert import clean
from bench.report.figures.svg import NAMED, SVG, XLINK

PIXELS_A_POINT = 1.8
"""Figures are laid out for paper, whose type is smaller than a screen's: 8 points become 14 pixels."""
FONT = re.compile(r"font-family: [^;]*;? ?")
REFERENCE = re.compile(r"(url\(#|^#)")


def inline_svg(svg: str, prefix: str, title: str, description: str) -> str:
    """Turn an SVG file's text into an element: ids start with ``prefix``, title and description are readable aloud.

    Raises ValueError where the text is no SVG with a view box.
    """
    root = ElementTree.fromstring(svg)
    box = root.get("viewBox")
    if root.tag != f"{{{SVG}}}svg" or not box:
        raise ValueError("the text is no SVG with a view box")
    for parent in list(root.iter()):
        for child in list(parent):
            # Inside a page, matplotlib's rule for every element would reach every element of the page.
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        _rename(element, prefix)
    width = PIXELS_A_POINT * float(box.split()[2])
    # On a phone a wide figure is scrolled: shrunk to the screen its text could not be read.
    size = f"width:{width:.0f}px;min-width:min({width:.0f}px,34rem);stroke-linejoin:round;stroke-linecap:butt"
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "style": size})
    root.set("aria-labelledby", f"{prefix}-title {prefix}-description")
    for index, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{prefix}-{'title' if index == 0 else 'description'}"})
        element.text = clean(text)
        root.insert(index, element)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    text = ElementTree.tostring(root, encoding="unicode")
    # In a page, both namespaces are known.
    return re.sub(r"\n\s*", "\n", text.replace(f' xmlns="{SVG}"', "", 1).replace(f' xmlns:xlink="{XLINK}"', "", 1))


def _rename(element: ElementTree.Element, prefix: str) -> None:
    """Begin ids and references with the prefix; a group's id is dropped, or a class if its marks have titles."""
    name = element.attrib.pop("id", None)
    if name and element.tag == f"{{{SVG}}}g":
        if name.startswith(f"{NAMED}-"):
            element.set("class", NAMED)
    elif name:
        element.set("id", f"{prefix}-{name}")
    for attribute, value in element.attrib.items():
        if "#" in value and attribute != "style":
            element.set(attribute, REFERENCE.sub(rf"\g<1>{prefix}-", value))
        elif attribute == "style":
            # The page's style sheet names the font once.
            element.set(attribute, FONT.sub("", value).replace("url(#", f"url(#{prefix}-"))
