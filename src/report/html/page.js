"use strict";
(() => {
  const main = document.querySelector("main");
  const list = document.getElementById("rows");
  if (!list) return;
  const rows = [...list.querySelectorAll(":scope > ol > li")];
  const squares = document.getElementById("squares");
  const words = document.getElementById("words");
  const openAll = document.getElementById("open");
  const shown = document.getElementById("shown");
  const filters = [...document.querySelectorAll("button[data-filter]")];
  const details = (row) => row.firstElementChild;

  // Read when someone searches, and once. The steps have the same names in
  // every row and are left out.
  let texts = null;
  const textOf = (row) =>
    [...row.querySelectorAll("summary > *, .story, h4, .facts")]
      .map((part) => part.getAttribute("aria-label") || part.textContent).join(" ").toLowerCase();

  const isShown = (row) => !row.hidden && (main.dataset.filter === "all" || row.classList.contains(main.dataset.filter));

  const count = () => {
    const left = rows.filter(isShown).length;
    const isAll = left === rows.length;
    shown.textContent = isAll ? "" : left ? `${left} of ${rows.length} shown` : "No connection matches.";
  };

  const filter = (kind) => {
    main.dataset.filter = kind;
    for (const button of filters) button.setAttribute("aria-pressed", String(button.dataset.filter === kind));
    count();
  };

  const search = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    texts ??= rows.map(textOf);
    main.classList.toggle("searched", wanted.length > 0);
    rows.forEach((row, index) => {
      row.hidden = !wanted.every((word) => texts[index].includes(word));
      squares.children[index].classList.toggle("missed", row.hidden);
    });
    count();
  };

  // The row that an address names is shown whatever was filtered.
  const reveal = (hash) => {
    const row = rows.find((row) => hash === `#${row.id}`);
    if (!row) return;
    if (!isShown(row)) {
      words.value = "";
      search();
      filter("all");
    }
    details(row).open = true;
    row.scrollIntoView();
  };

  for (const button of filters) {
    button.disabled = false;
    button.addEventListener("click", () => filter(button.dataset.filter));
  }
  document.getElementById("search").hidden = false;
  words.addEventListener("input", search);
  openAll.addEventListener("click", () => {
    const isOpening = rows.some((row) => isShown(row) && !details(row).open);
    for (const row of rows) if (isShown(row)) details(row).open = isOpening;
    openAll.textContent = isOpening ? "Close all" : "Open all";
  });
  squares.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link) reveal(link.hash);
  });
  addEventListener("hashchange", () => reveal(location.hash));
  reveal(location.hash);
  // A browser that goes back may have kept the words and not the rows.
  if (words.value) search();

  // For browsers whose style alone does not open everything on paper.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = rows.map(details).filter((row) => !row.open);
    for (const row of closed) row.open = true;
  });
  addEventListener("afterprint", () => {
    for (const row of closed) row.open = false;
  });
})();
