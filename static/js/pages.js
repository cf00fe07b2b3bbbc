/* Small manners of the pages; everything also works without. */
"use strict";

const announce = (sentence) => {
  const place = document.getElementById("live-announcer");
  if (place) place.textContent = sentence;
};

document.addEventListener("click", (event) => {
  const remove = event.target.closest("[data-remove]");
  if (remove) {
    const row = remove.closest("[data-row]");
    announce(`${row.dataset.row} removed`);
    row.remove();
    document.getElementById("finding-search")?.focus();
    return;
  }
  const opener = event.target.closest("[data-open-all]");
  if (opener) {
    const list = document.getElementById(opener.dataset.openAll);
    const cards = [...list.querySelectorAll("details")];
    const open = !cards.every((card) => card.open);
    cards.forEach((card) => { card.open = open; });
    opener.textContent = open ? "Close all" : "Open all";
  }
});

/* After a finding was chosen: clear the search so that the next one can be typed at once. */
document.addEventListener("htmx:afterRequest", (event) => {
  const chosen = event.detail.elt.closest?.("[data-choose]");
  if (!chosen || !event.detail.successful) return;
  announce(`${chosen.dataset.choose} added`);
  const search = document.getElementById("finding-search");
  document.getElementById("suggestions").replaceChildren();
  search.value = "";
  search.focus();
});

/* Enter in the search box picks the first suggestion instead of sending the form. */
document.addEventListener("keydown", (event) => {
  if (event.target.id !== "finding-search") return;
  const first = document.querySelector("#suggestions [data-choose]");
  if (event.key === "Enter") {
    event.preventDefault();
    first?.click();
  } else if (event.key === "ArrowDown" && first) {
    event.preventDefault();
    first.focus();
  } else if (event.key === "Escape") {
    document.getElementById("suggestions").replaceChildren();
  }
});

/* Arrow keys walk through the suggestions. */
document.addEventListener("keydown", (event) => {
  const here = event.target.closest?.("#suggestions [data-choose]");
  if (!here || !["ArrowDown", "ArrowUp", "Escape"].includes(event.key)) return;
  event.preventDefault();
  const every = [...document.querySelectorAll("#suggestions [data-choose]")];
  const next = every[every.indexOf(here) + (event.key === "ArrowDown" ? 1 : -1)];
  if (event.key === "Escape" || !next) document.getElementById("finding-search").focus();
  else next.focus();
});

/* A case is sent once. */
document.addEventListener("submit", (event) => {
  const button = event.target.querySelector("[data-once]");
  if (!button) return;
  const label = button.querySelector("[data-label]");
  button.dataset.before = label.textContent;
  label.textContent = button.dataset.once;
  button.disabled = true;
});

/* Coming back with the browser's back button shows the page as it was left. */
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-before]")) {
    button.querySelector("[data-label]").textContent = button.dataset.before;
    button.disabled = false;
  }
});
