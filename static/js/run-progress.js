// The page of an unfinished run: asks how it goes, says once that it ended, shows the whole page anew, and stops.
const FIRST_WAIT_MS = 1500;
const LONGEST_WAIT_MS = 15000;
const LONGER = 1.25;

const place = document.querySelector("[data-progress]");

const fetched = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok || answer.redirected) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
};

const show = (page) => {
  const fresh = page.body.innerHTML.trim();
  if (fresh !== place.innerHTML.trim()) place.innerHTML = fresh;
  return page.querySelector("[data-finished]");
};

const showResult = async (words) => {
  const run = document.querySelector("[data-run]");
  const hadFocus = run.contains(document.activeElement);
  run.replaceWith((await fetched(location.href)).querySelector("[data-run]"));
  if (hadFocus) document.querySelector("[data-run] h1").focus();
  document.querySelector("[data-announce]").textContent = `The run has ended. ${words}`;
};

const ask = async (wait) => {
  try {
    const finished = document.hidden ? null : show(await fetched(place.dataset.progress));
    if (finished) {
      await showResult(finished.textContent.replace(/\s+/g, " ").trim());
      return;
    }
  } catch {
    // no answer this time: the page stays as it is and asks again, less often
  }
  const next = Math.min(wait * LONGER, LONGEST_WAIT_MS);
  setTimeout(ask, wait, next);
};

setTimeout(ask, FIRST_WAIT_MS, FIRST_WAIT_MS);
