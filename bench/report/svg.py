"""Make a figure's SVG fit to stand in a page: no clash of ids or styles with its neighbours, and a name for ears."""

from __future__ import annotations

import html
import re

PIXELS_A_POINT = 1.8
"""Figures are laid out for paper, whose type is smaller than a screen's: 8 points become 14 pixels."""
_BEFORE_ROOT = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_ROOT = re.compile(r"<svg\b[^>]*>")
_VIEW_BOX = re.compile(r'viewBox="([^"]*)"')
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
# Inside a page, matplotlib's rule for every element would reach every element of the page.
_STYLE = re.compile(r"<style\b[^>]*>.*?</style>\s*", re.DOTALL)
_ID = re.compile(r'(\bid="|url\(#|href="#)')
# Groups carry ids and texts carry comments that nothing refers to.
_GROUP_ID = re.compile(r'(<g) id="[^"]*"')
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)


def inline_svg(svg: str, prefix: str, title: str, description: str) -> str:
    """Turn an SVG file's text into an element: ids start with ``prefix``, title and description are readable aloud."""
    body = _BEFORE_ROOT.sub("", svg)
    root = _ROOT.match(body)
    view_box = _VIEW_BOX.search(root.group()) if root else None
    if root is None or view_box is None:
        raise ValueError("the text is no SVG with a view box")
    width = float(view_box.group(1).split()[2])
    inside = body[root.end() :]
    for needless in (_METADATA, _STYLE, _COMMENT):
        inside = needless.sub("", inside)
    inside = _ID.sub(rf"\g<1>{prefix}-", _GROUP_ID.sub(r"\1", inside))
    # On a phone a wide figure is scrolled: shrunk to the screen its text could not be read.
    size = f"width:{PIXELS_A_POINT * width:.0f}px;min-width:min({PIXELS_A_POINT * width:.0f}px,34rem)"
    opening = (
        f'<svg viewBox="{view_box.group(1)}" role="img" aria-labelledby="{prefix}-title {prefix}-description" '
        f'style="{size};stroke-linejoin:round;stroke-linecap:butt">'
        f'<title id="{prefix}-title">{html.escape(title)}</title>'
        f'<desc id="{prefix}-description">{html.escape(description)}</desc>'
    )
    return opening + inside.strip()
