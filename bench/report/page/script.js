// Values of the marks that a reader points at or taps. Without this script, browsers show the same texts as titles.
const tip = document.createElement("output");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);
for (const mark of document.querySelectorAll(".values use")) {
  mark.setAttribute("aria-label", mark.textContent);
  mark.replaceChildren();
}
for (const kind of ["pointerover", "click"]) {
  document.addEventListener(kind, (event) => {
    const mark = event.target instanceof Element && event.target.closest(".values use");
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.getAttribute("aria-label");
    const right = Math.max(4, Math.min(event.clientX + 12, document.documentElement.clientWidth - tip.offsetWidth - 4));
    const under = event.clientY + 18 + tip.offsetHeight < document.documentElement.clientHeight;
    tip.style.left = `${right}px`;
    tip.style.top = `${under ? event.clientY + 18 : event.clientY - tip.offsetHeight - 10}px`;
  });
}
