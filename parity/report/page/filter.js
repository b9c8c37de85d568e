"use strict";

// The filter. What is chosen stands in the address, so that a view can be sent to somebody:
// #q=cosine&scheduler=CosineAnnealingLR&verdict=failed

const form = document.getElementById("filter");
const items = [...document.querySelectorAll("#list > li")];
const names = items.map((item) => item.querySelector("h3").textContent.toLowerCase());
const texts = items.map((item) => item.querySelector("summary").textContent.toLowerCase());

function filter() {
  const wanted = form.q.value.toLowerCase(), whole = names.includes(wanted);
  items.forEach((item, i) => {
    item.hidden =
      !(whole ? names[i] === wanted : wanted.split(/\s+/).every((word) => texts[i].includes(word))) ||
      !["", item.dataset.scheduler].includes(form.scheduler.value) ||
      !["", item.dataset.verdict].includes(form.verdict.value);
  });
  const shown = items.filter((item) => !item.hidden);
  form.querySelector("output").value = shown.length + " of " + items.length + " cases";
  document.dispatchEvent(new Event("shown")); // what was hidden may have pictures to draw
  return shown;
}

function followAddress() {
  if (!location.hash.includes("=")) return; // a section
  const chosen = new URLSearchParams(location.hash.slice(1));
  for (const name of ["q", "scheduler", "verdict"]) form[name].value = chosen.get(name) ?? "";
  const shown = filter();
  if (shown.length === 1) shown[0].firstElementChild.open = true;
  document.getElementById("cases").scrollIntoView();
}

form.addEventListener("input", () => {
  filter();
  const chosen = [...new FormData(form)].filter(([, value]) => value);
  history.replaceState(null, "", "#" + new URLSearchParams(chosen));
});
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", followAddress);
filter();
followAddress();
