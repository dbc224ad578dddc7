// The form of a schedule: shows only the fields that count, and what the rule means while it is typed.
import { showWhatCounts } from "./what-counts.js";

const TYPED = ["text", "number"];
const PAUSE_MS = 150; // while somebody types

const form = document.querySelector("[data-schedule-form]");
const target = document.querySelector("[data-preview-target]");

const ruleFields = new Set([...form.querySelectorAll("[data-rule] [name]")].map((field) => field.name));
const regions = form.querySelector("[data-regions]");

const valueOf = (name) => new FormData(form).get(name) ?? "";

const showRegions = () => {
  regions.hidden = regions.querySelector("select").length < 2;
};

const countChosen = () => {
  for (const words of form.querySelectorAll("[data-count]")) {
    const boxes = [...words.closest("details").querySelectorAll("input[type=checkbox]:not([name$='-groups'])")];
    const chosen = boxes.filter((box) => box.checked).length;
    if (words.dataset.count === "of") words.textContent = `${chosen} of ${boxes.length}`;
    else words.textContent = chosen ? `${chosen} chosen` : "all";
  }
};

// A whole group has all of its columns ticked, and one of them unticked is the end of “all”.
const keepGroupTogether = (box) => {
  const details = box.closest("[data-columns] details");
  if (!details || box.type !== "checkbox") return;
  const whole = details.querySelector("[name$='-groups']");
  if (box === whole) {
    if (whole.checked) for (const one of details.querySelectorAll("[name='columns']")) one.checked = true;
  } else if (!box.checked) whole.checked = false;
};

const offerOtherDataset = () => {
  const button = form.querySelector("[data-show-dataset]");
  if (!button) return; // a report's form
  button.hidden = form.elements.dataset.value === form.elements.loaded.value;
};

let shown = ""; // what was announced last: the same is not announced again
// Not form.dataset: the form has a field of that name, which stands before the property.
const previewUrl = form.getAttribute("data-preview");
let asked; // the request under way: an older answer must never replace a newer one

const showPreview = async () => {
  asked?.abort();
  asked = new AbortController();
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (ruleFields.has(name)) query.append(name, value);
  try {
    const answer = await fetch(`${previewUrl}?${query}`, { signal: asked.signal });
    if (!answer.ok || answer.redirected) throw new Error(`status ${answer.status}`);
    const html = await answer.text();
    if (html === shown) return;
    shown = html;
    target.innerHTML = html;
    form.querySelector("[data-preview-words]").textContent = target.querySelector("[data-words]").textContent;
  } catch (error) {
    if (error.name === "AbortError") return;
    shown = "";
    target.textContent = "The next runs can't be shown right now. Saving still works.";
  }
};

let pause;

const onRuleChange = (field) => {
  clearTimeout(pause);
  pause = setTimeout(showPreview, TYPED.includes(field.type) ? PAUSE_MS : 0);
};

const offerRegions = async () => {
  const select = regions.querySelector("select");
  const country = valueOf("country");
  try {
    const answer = await fetch(`${regions.dataset.regions}?${new URLSearchParams({ country })}`);
    if (!answer.ok || answer.redirected) throw new Error(`status ${answer.status}`);
    const options = await answer.text();
    if (country !== valueOf("country")) return; // another one was chosen meanwhile
    select.innerHTML = options;
  } catch {
    select.length = 1; // the whole country can be chosen all the same
  }
  showRegions();
};

form.addEventListener("input", async (event) => {
  if (event.target.name === "country") {
    regions.querySelector("select").value = "";
    await offerRegions();
  }
  if (ruleFields.has(event.target.name)) onRuleChange(event.target);
  if (event.target.type !== "text") {
    keepGroupTogether(event.target);
    showWhatCounts(form);
    showRegions();
    countChosen();
    offerOtherDataset();
  }
});
form.querySelector("[data-show-dataset]")?.addEventListener("click", () => form.requestSubmit());

showWhatCounts(form);
showRegions();
countChosen();
offerOtherDataset();
