// A plain click on a link of ours is a step of the browser's history; Streamlit answers it as it answers "back".
if (!window.auditorLinks) {
  window.auditorLinks = true;
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest ? event.target.closest('a[href^="?"]') : null;
    if (!link) return;
    event.preventDefault();
    window.history.pushState({}, "", link.getAttribute("href"));
    window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
    window.scrollTo(0, 0);
  });
}
