"""Make a figure's SVG fit to stand in a page: no clash of ids or styles with its neighbours, and a name for ears."""

from __future__ import annotations

import html
import re

_BEFORE_ROOT = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_ROOT = re.compile(r"<svg\b[^>]*>")
_VIEW_BOX = re.compile(r'viewBox="([^"]*)"')
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
# Inside a page, matplotlib's rule for every element would reach every element of the page.
_STYLE = re.compile(r"\s*<style\b[^>]*>.*?</style>", re.DOTALL)
_ID = re.compile(r'(\bid="|url\(#|href="#)')
# Groups carry ids and texts carry comments that nothing refers to.
_GROUP_ID = re.compile(r'(<g) id="[^"]*"')
_COMMENT = re.compile(r"\s*<!--.*?-->", re.DOTALL)


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
    # Figures are laid out in points for paper; a point in CSS is 4/3 of a pixel. On a phone a wide one is scrolled:
    # shrunk to the screen its text could not be read.
    size = f"width:{width * 4 / 3:.0f}px;min-width:min({width * 4 / 3:.0f}px,34rem)"
    opening = (
        f'<svg viewBox="{view_box.group(1)}" role="img" aria-labelledby="{prefix}-title {prefix}-description" '
        f'style="{size};stroke-linejoin:round;stroke-linecap:butt">'
        f'<title id="{prefix}-title">{html.escape(title)}</title>'
        f'<desc id="{prefix}-description">{html.escape(description)}</desc>'
    )
    return opening + inside.strip()
