// Grids of pictures: ticks go into the basket (basket.py), keys move and tick, a picture is enlarged where it stands.
// Ticks show at once; they are told to the server by a parameter of the address that is gone again before anybody reads it.
if (!window.auditorGrid) {
  window.auditorGrid = true;
  const unheard = new Map(); // by id: whether it was ticked or unticked since the server last said what it knows
  let last = null, said = "", saying = 0, count = 0;

  const marks = (within) => [...within.querySelectorAll("button.tick[data-id]")];
  const paint = () => {
    if (said && document.querySelector(".au .views")?.dataset.tick === said) {
      unheard.clear();
      said = "";
    }
    const held = new Set([...document.querySelectorAll(".au .ticked")].flatMap((one) => (one.dataset.ids || "").split(",").map(decodeURIComponent)));
    for (const mark of marks(document)) {
      const id = mark.dataset.id, on = String(unheard.has(id) ? unheard.get(id) : held.has(id));
      if (mark.getAttribute("aria-pressed") !== on) mark.setAttribute("aria-pressed", on);
    }
  };
  const say = (concept) => {
    said = `${Date.now().toString(36)}-${(count += 1)}`;
    const parts = [said, concept, ...[...unheard].map(([id, on]) => (on ? "+" : "-") + id)];
    const here = location.href, told = new URL(here);
    told.searchParams.set("tick", parts.map(encodeURIComponent).join(","));
    history.replaceState(history.state, "", told);
    window.dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
    history.replaceState(history.state, "", here);
  };
  const tick = (mark, range) => {
    const on = mark.getAttribute("aria-pressed") !== "true";
    const all = mark.closest(".grid") ? marks(mark.closest(".grid")) : [mark];
    const from = range && last ? all.findIndex((one) => one.dataset.id === last) : -1, to = all.indexOf(mark);
    const chosen = from < 0 ? [mark] : all.slice(Math.min(from, to), Math.max(from, to) + 1);
    chosen.forEach((one) => unheard.set(one.dataset.id, on));
    last = mark.dataset.id;
    tell(mark.dataset.concept || "");
  };
  const tell = (concept) => {
    said = ""; // what is under way does not know of these
    paint();
    clearTimeout(saying);
    saying = setTimeout(() => say(concept), 250);
  };
  const enlarge = (tile) => {
    const large = tile.classList.toggle("large");
    tile.querySelector("button.enlarge").setAttribute("aria-expanded", String(large));
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest ? event.target.closest(".au button") : null;
    if (!button) return;
    if (button.matches(".tick[data-id]")) tick(button, event.shiftKey);
    if (button.matches(".tick-page")) {
      const all = marks(button.closest(".au"));
      const on = all.some((one) => one.getAttribute("aria-pressed") !== "true");
      all.forEach((one) => unheard.set(one.dataset.id, on));
      tell(button.dataset.concept || "");
    }
    if (button.matches(".enlarge")) enlarge(button.closest(".tile"));
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    const tile = event.target.closest ? event.target.closest(".au .grid > .tile") : null;
    if (!tile) return;
    const tiles = [...tile.parentElement.children], at = tiles.indexOf(tile), key = event.key.toLowerCase();
    if (key === "x") tick(tile.querySelector("button.tick"), event.shiftKey);
    else if (key === "e") enlarge(tile);
    else {
      const columns = tiles.filter((one) => one.offsetTop === tiles[0].offsetTop).length;
      const step = { arrowleft: -1, arrowright: 1, arrowup: -columns, arrowdown: columns }[key];
      const next = step && !event.shiftKey ? tiles[at + step] : null;
      if (!next) return;
      next.querySelector("a").focus();
    }
    event.preventDefault();
  });

  let due = 0;
  new MutationObserver(() => {
    if (!due) due = requestAnimationFrame(() => ((due = 0), paint()));
  }).observe(document.body, { childList: true, subtree: true });
  paint();
}
