// Shows only those parts of a form that count: <div data-when="rhythm=monthly and monthly=business or holidays!=run">

const valueOf = (form, name) => new FormData(form).get(name) ?? "";

const holds = (form, when) =>
  when.split(" or ").some((all) =>
    all.split(" and ").every((one) => {
      const [name, value] = one.split(/!?=/);
      return (valueOf(form, name) === value) !== one.includes("!");
    }),
  );

export const showWhatCounts = (form) => {
  for (const part of form.querySelectorAll("[data-when]")) part.hidden = !holds(form, part.dataset.when);
};

for (const form of document.querySelectorAll("[data-what-counts]")) {
  form.addEventListener("input", (event) => event.target.type !== "text" && showWhatCounts(form));
  showWhatCounts(form);
}
