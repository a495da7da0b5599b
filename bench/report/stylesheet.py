"""The page's style sheet: light and dark, wide and narrow, nothing fetched from elsewhere."""

STYLESHEET = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --ink: #1b1f24; --quiet: #57606a; --line: #d4d9df; --shade: #f4f6f8; --link: #0550ae;
  --notice: #fff4d6; --notice-line: #b58105;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --ink: #e4e8ec; --quiet: #a3adb8; --line: #363d45; --shade: #1e2329; --link: #7cb7ff;
    --notice: #33290c; --notice-line: #d4a72c;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
footer { padding: 2rem 1.25rem 3rem; color: var(--quiet); font-size: .875rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 {
  font-size: 1.375rem; line-height: 1.25; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line);
}
h3 { font-size: 1.125rem; margin: 2.25rem 0 .5rem; }
h1, h2, h3, p, li, dd { overflow-wrap: anywhere; }
p, ul.text { max-width: 46rem; margin: .5rem 0; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; padding: .5rem 1rem; background: var(--ground); z-index: 1; }
.skip:focus { left: .5rem; top: .5rem; }
nav ul { list-style: none; padding: 0; margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
.quiet, figcaption, .note { color: var(--quiet); }
.notice {
  background: var(--notice); border-left: .25rem solid var(--notice-line); padding: .5rem .875rem; max-width: 46rem;
}
.scroll { overflow-x: auto; max-width: 100%; }
.table .scroll {
  background:
    linear-gradient(to right, var(--ground) 1.5rem, transparent) left / 3rem 100% no-repeat local,
    linear-gradient(to left, var(--ground) 1.5rem, transparent) right / 3rem 100% no-repeat local,
    linear-gradient(to right, var(--line), transparent) left / .75rem 100% no-repeat scroll,
    linear-gradient(to left, var(--line), transparent) right / .75rem 100% no-repeat scroll;
}
figure { margin: 1.25rem 0; }
figure .scroll { background: #ffffff; border: 1px solid var(--line); border-radius: .375rem; padding: .5rem; }
figure svg, figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { font-size: .875rem; margin-top: .5rem; max-width: 46rem; }
.table { margin: 1.25rem 0; }
table { border-collapse: collapse; font-size: .875rem; }
caption { text-align: left; font-weight: 600; padding: 0 0 .375rem; }
.note { font-size: .8125rem; margin: .25rem 0 0; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
thead th { vertical-align: bottom; border-bottom-width: 2px; white-space: normal; min-width: 4rem; }
tbody th { font-weight: 500; }
tbody tr:hover { background: var(--shade); }
.number { text-align: right; font-variant-numeric: tabular-nums; padding-left: .5rem; }
details { margin: .75rem 0; border: 1px solid var(--line); border-radius: .375rem; padding: .5rem .875rem; }
figcaption details { border: 0; padding: 0; margin: .125rem 0 0; }
figcaption summary { font-weight: 400; }
figcaption p { margin: .125rem 0 0; }
summary { cursor: pointer; font-weight: 500; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .125rem 1rem; font-size: .875rem; }
dt { color: var(--quiet); }
dd { margin: 0; }
code, pre { font: .8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { overflow-x: auto; background: var(--shade); padding: .75rem; border-radius: .375rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .375rem; } h1 { font-size: 1.5rem; } }
@media print { .skip, nav { display: none; } .scroll { overflow: visible; } figure, tr { break-inside: avoid; } }
""".strip()
"""Figures keep a white ground in the dark: their colours are chosen for paper.

A table that is wider than its box has a shade at the side where more of it is: covers that scroll along hide the shade
at the ends.
"""
