"use strict";
// Sorting by a click on a column's name, and a filter. Without it the page is whole: a table, the strangest first.
(() => {
  const table = document.getElementById("rows");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const collator = new Intl.Collator("en", { numeric: true });

  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const isNumber = head.classList.contains("number");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : isNumber && head.textContent !== "rank";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => {
        const cell = row.cells[column];
        if (cell.querySelector(".null")) return null;
        return isNumber ? Number(cell.dataset.number ?? cell.textContent) : cell.textContent;
      };
      const compare = isNumber ? (a, b) => a - b : collator.compare;
      const keyed = rows.map((row) => [value(row), row]);
      keyed.sort(([a], [b]) => {
        // What has no value is last, whichever way.
        if (a === null || b === null) return (a === null) - (b === null);
        return down ? compare(b, a) : compare(a, b);
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });

  const form = document.getElementById("filter");
  const input = document.getElementById("words");
  const matches = document.getElementById("matches");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, index) => {
      row.hidden = !words.every((word) => texts[index].includes(word));
      if (!row.hidden) count += 1;
    });
    matches.textContent = words.length ? `${count} of ${rows.length}` : "";
  };
  input.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
})();
