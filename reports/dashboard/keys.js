// Left and right, and k and j, follow the links to the previous and the next picture or finding, but never take a key from a field or a slider.
if (!window.auditorKeys) {
  window.auditorKeys = true;
  document.addEventListener("keydown", (event) => {
    const rel = { ArrowLeft: "prev", ArrowRight: "next", k: "prev", j: "next" }[event.key];
    if (!rel || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const taken = 'input, textarea, select, [contenteditable="true"], [role="slider"], [role="combobox"], [role="radio"], [role="tab"]';
    if (event.target.closest && event.target.closest(taken)) return;
    const link = document.querySelector(`.steps a[rel="${rel}"]`);
    if (!link) return;
    event.preventDefault();
    link.click();
  });
}
