// Keeps the page alive: fetches the parts marked data-live. No dependency.
"use strict";

const EVERY_MS = 2000; // a charge is seen moving; a part that has not changed costs a 304
const LOGIN = "/login?next=";
const MISSED_MAX = 2; // after so many failures in a row what is shown is marked as old

/** Make `old` like `fresh`, touching only what differs: focus, selection, scrolling and open details stay. */
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morphChildren(old, fresh);
}

/** Rows with a key find their old self wherever it stands; the others are matched by place. */
function morphChildren(old, fresh) {
  const keyed = new Map([...old.children].filter((c) => c.dataset.key).map((c) => [c.dataset.key, c]));
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = wanted.dataset && wanted.dataset.key;
    const same = key ? keyed.get(key) : place;
    if (!same || (!key && place.dataset && place.dataset.key)) {
      old.insertBefore(wanted, place);
      continue;
    }
    if (same === place) place = place.nextSibling;
    else old.insertBefore(same, place);
    morph(same, wanted);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

const twoDigits = (number) => String(number).padStart(2, "0");

/** Dates come in UTC; people read their own zone, of today only the clock, and the hover keeps UTC. */
function localise(root) {
  for (const time of root.querySelectorAll("time:not(.age)")) {
    const date = new Date(time.dateTime);
    if (isNaN(date)) continue;
    const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
    const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
    time.textContent = date.toDateString() === new Date().toDateString() ? clock : `${day} ${clock}`;
  }
}

async function refresh(part, state) {
  if (document.hidden) return;
  try {
    const headers = state.tag ? { "If-None-Match": state.tag } : {};
    const answer = await fetch(part.dataset.live, { headers, signal: AbortSignal.timeout(EVERY_MS * 2) });
    if (answer.status === 401) return void location.assign(LOGIN + encodeURIComponent(location.pathname + location.search));
    if (answer.ok) {
      const fresh = part.cloneNode(false);
      fresh.innerHTML = new DOMParser().parseFromString(await answer.text(), "text/html").body.innerHTML;
      fresh.classList.remove("old");
      localise(fresh);
      morph(part, fresh);
      state.tag = answer.headers.get("ETag");
    } else if (answer.status !== 304) throw new Error(answer.statusText);
    state.missed = 0;
  } catch {
    state.missed += 1;
  }
  part.classList.toggle("old", state.missed >= MISSED_MAX);
}

async function follow(part) {
  const state = { tag: "", missed: 0 };
  for (;;) {
    await new Promise((resume) => setTimeout(resume, EVERY_MS));
    await refresh(part, state);
  }
}

localise(document);
document.querySelectorAll("[data-live]").forEach(follow);
// A page that the browser kept is asked for anew: who logged out meanwhile must not see it.
addEventListener("pageshow", (event) => event.persisted && location.reload());
