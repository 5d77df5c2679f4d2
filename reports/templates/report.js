"use strict";
// Sorts, filters and pages the table of classes. Without it the table is whole and in the order of severity.
const table = document.querySelector("table.classes");
if (table) {
  const tools = document.getElementById("tools");
  const field = document.getElementById("filter");
  const status = document.getElementById("shown");
  const more = document.getElementById("more");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const perPage = 25;
  let verdict = "";
  let limit = perPage;

  const show = () => {
    const wanted = field.value.trim().toLowerCase();
    const fitting = [...body.rows].filter((row) =>
      (!verdict || row.dataset.verdict === verdict) && row.dataset.words.includes(wanted));
    const visible = new Set(fitting.slice(0, limit));
    for (const row of rows) row.hidden = !visible.has(row);
    status.textContent = `${visible.size} of ${rows.length} classes`;
    more.hidden = visible.size === fitting.length;
    more.textContent = `Show the other ${fitting.length - visible.size}`;
  };

  const sortBy = (header, button) => {
    const column = header.cellIndex;
    const numbers = header.dataset.sort === "number";
    const falling = header.ariaSort ? header.ariaSort === "ascending" : numbers;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.value;
    const compare = (a, b) => {
      const [one, two] = [value(a), value(b)];
      // What was not measured stays at the end either way.
      if (one === "" || two === "") return (one === "") - (two === "");
      const order = numbers ? Number(one) - Number(two) : one.localeCompare(two);
      return falling ? -order : order;
    };
    body.append(...[...body.rows].sort(compare));
    show();
    button.focus();
  };

  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortBy(header, button));
    header.append(button);
  }
  field.addEventListener("input", () => { limit = perPage; show(); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { field.value = ""; show(); }
  });
  for (const button of tools.querySelectorAll("[data-verdict]")) {
    button.addEventListener("click", () => {
      verdict = verdict === button.dataset.verdict ? "" : button.dataset.verdict;
      for (const other of tools.querySelectorAll("[data-verdict]")) {
        other.setAttribute("aria-pressed", String(other.dataset.verdict === verdict));
      }
      limit = perPage;
      show();
    });
  }
  more.addEventListener("click", () => {
    const first = rows.filter((row) => !row.hidden).length;
    limit = Infinity;
    show();
    // The keyboard goes on where the list grew.
    [...body.rows].filter((row) => !row.hidden)[first]?.querySelector("a")?.focus();
  });
  // A link into a row, and print, need every row.
  addEventListener("beforeprint", () => { limit = Infinity; show(); });
  tools.hidden = false;
  show();
}

// What can be copied is on the page as text; with a script a button copies it.
for (const button of document.querySelectorAll("[data-copy]")) {
  const text = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 2000);
    } catch {
      getSelection().selectAllChildren(text); // where a browser does not let a page copy, it is selected
      button.textContent = "Selected: copy it by the keyboard";
    }
  });
}

// Printed, the page is its summary; all of it is printed where that is asked for.
const printAll = document.getElementById("print-all");
if (printAll) {
  printAll.hidden = false;
  printAll.addEventListener("click", () => {
    document.body.classList.add("whole");
    for (const fold of document.querySelectorAll("details.folded")) fold.open = true;
    print();
  });
  addEventListener("afterprint", () => document.body.classList.remove("whole"));
}

// On a telephone only the first classes are open, so that the page stays an index of them.
if (matchMedia("(max-width: 620px)").matches) {
  for (const fold of document.querySelectorAll("details.on-phone")) fold.open = false;
}

// A link to what is folded opens it.
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target?.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
