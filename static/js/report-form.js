// The editor of a report: what it shows follows what is chosen, and another dataset brings its own columns.

const form = document.querySelector("[data-report-form]");
const target = document.querySelector("[data-preview-target]");
// Not form.dataset: fields of that name stand before the property.
const previewUrl = form.getAttribute("data-preview");
let asked; // the request under way: an older answer must never replace a newer one

const showPreview = async () => {
  asked?.abort();
  const mine = (asked = new AbortController());
  target.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(previewUrl, { method: "POST", body: new FormData(form), signal: mine.signal });
    if (!answer.ok || answer.redirected) throw new Error(`status ${answer.status}`);
    target.innerHTML = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") return;
    target.textContent = "The preview can't be shown right now. Saving still works.";
  }
  if (mine === asked) target.setAttribute("aria-busy", "false");
};

form.addEventListener("change", (event) => {
  if (event.target.hasAttribute("data-columns")) form.requestSubmit(form.querySelector("[data-show]"));
  else showPreview();
});
// What is open stays so when the page comes back.
for (const section of form.querySelectorAll("[data-section]")) {
  section.addEventListener("toggle", () => {
    section.querySelector("input[name$=-open]").value = section.open ? "1" : "";
  });
}
form.querySelector("[data-show]").hidden = true;
