"use strict";
// The page is complete without this: it only sorts, filters and searches.
document.documentElement.classList.add("js");

const bodyOf = (table) => table.tBodies[0];

function sortBy(header, table, column) {
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const keyOf = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const numeric = header.classList.contains("number");
  const rows = [...bodyOf(table).rows].map((row) => [keyOf(row), row]);
  rows.sort(([a], [b]) => (numeric ? Number(a) - Number(b) : a.localeCompare(b)) * (down ? -1 : 1));
  bodyOf(table).append(...rows.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.replaceChildren(button);
    button.addEventListener("click", () => sortBy(header, table, column));
  });
}

function later(action) {
  let frame = 0;
  return () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(action);
  };
}

const images = document.getElementById("images-table");
if (images) {
  const input = document.getElementById("images-filter");
  const flagged = document.getElementById("images-flagged");
  const count = document.getElementById("images-count");
  const rows = [...bodyOf(images).rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, at) => {
      const hit = words.every((word) => texts[at].includes(word)) && (!flagged.checked || row.dataset.flagged === "1");
      if (row.hidden === hit) row.hidden = !hit;
      if (hit) shown += 1;
    });
    count.textContent = `${shown} of ${rows.length}`;
  };
  input.addEventListener("input", later(filter));
  flagged.addEventListener("change", filter);
}

const software = document.getElementById("software-table");
if (software) {
  const input = document.getElementById("software-search");
  const list = document.getElementById("software-found");
  const count = document.getElementById("software-count");
  let rows = null;
  const search = () => {
    rows ??= [...bodyOf(software).rows].map((row) => [row.textContent.toLowerCase(), row]);
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.tBodies[0].replaceChildren();
    list.hidden = words.length === 0;
    count.textContent = "";
    if (words.length === 0) return;
    const hits = rows.filter(([text]) => words.every((word) => text.includes(word)));
    for (const [, row] of hits.slice(0, 200)) list.tBodies[0].append(row.cloneNode(true));
    count.textContent = hits.length > 200 ? `200 of ${hits.length} shown` : `${hits.length} found`;
  };
  input.addEventListener("input", later(search));
}

// What is folded is printed too.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")].filter((one) => !one.dataset.long);
  for (const one of opened) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of opened) one.open = false;
});
