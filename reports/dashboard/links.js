// A plain click on a link of ours is a step of the browser's history; Streamlit answers it as it answers "back". How far
// the page was scrolled is kept with each step, and back and forward return there once the view is drawn.
if (!window.auditorLinks) {
  window.auditorLinks = true;
  const PATIENCE = 15000;
  const page = () => document.querySelector("[data-testid=stMain]") || document.scrollingElement;
  let returning = 0, waiting = 0;

  const keep = () => {
    if (!returning) history.replaceState({ ...history.state, auditorTop: page().scrollTop }, "");
  };
  document.addEventListener("scroll", () => {
    clearTimeout(waiting);
    waiting = setTimeout(keep, 120);
  }, { capture: true, passive: true });

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest ? event.target.closest('a[href^="?"]') : null;
    if (!link) return;
    event.preventDefault();
    clearTimeout(waiting);
    returning = 0;
    keep();
    history.pushState({}, "", link.getAttribute("href"));
    window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
    page().scrollTo(0, 0);
  });

  window.addEventListener("popstate", (event) => {
    if (!event.isTrusted) return;
    clearTimeout(waiting);
    const top = event.state?.auditorTop || 0, mine = (returning = performance.now());
    let ran = false, there = 0; // the view that is left may be as long: what counts is the one that is drawn then
    const go = () => {
      if (returning !== mine) return;
      page().scrollTo(0, top);
      const drawn = document.querySelector("[data-testid=stApp]")?.getAttribute("data-test-script-state") === "notRunning";
      ran ||= !drawn;
      there = ran && drawn && Math.abs(page().scrollTop - top) < 2 ? there + 1 : 0;
      if (there > 4 || performance.now() - mine > PATIENCE) returning = 0;
      else setTimeout(go, 60);
    };
    go();
  });
  // Whoever scrolls by hand meanwhile is where they want to be.
  for (const name of ["wheel", "touchmove", "pointerdown", "keydown"]) document.addEventListener(name, () => (returning = 0), { passive: true });
}
