"""Marks of a drawn SVG get their titles; this needs no matplotlib."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from bench.inert import clean

LONG_NUMBER = re.compile(r"(\d\.\d\d)\d+")
TAG = re.compile(r"<[^>]+>")
NAMED = "values"
"""Begins the id of a group of marks that have titles."""
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"


def shortened(svg: str) -> str:
    """Cut coordinates to a hundredth of a point, which no eye and no printer tells from more; texts stay whole."""
    return TAG.sub(lambda tag: LONG_NUMBER.sub(r"\1", tag[0]), svg)


def titled(svg: str, titles: Mapping[str, Sequence[str]]) -> str:
    """Give the marks of an SVG their texts as titles, by the ids of their groups and in the order of drawing."""
    if not titles:
        return svg
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(svg)
    groups = {group.get("id"): group for group in root.iter(f"{{{SVG}}}g")}
    for name, texts in titles.items():
        # Said once a group, not at every mark: unseen, but there to be pointed at.
        groups[name].set("style", "fill-opacity: 0; pointer-events: all")
        for element, text in zip(list(groups[name].iter(f"{{{SVG}}}use")), texts, strict=True):
            element.attrib.pop("style", None)
            ElementTree.SubElement(element, f"{{{SVG}}}title").text = clean(text)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
