// The pages work without this file; with it they live: forms are checked and marked, what changes elsewhere appears,
// parts that say hx-trigger="refresh" are fetched anew, and a page comes back by itself when its station does.
"use strict";

const PERIOD_MS = 5000; // the guide's rhythm of live pages
const body = document.body;
const words = JSON.parse(body.dataset.words);
const prefix = body.dataset.prefix;
const tags = new Map(); // address -> ETag of what is shown of it
let missed = 0;
let usedAt = Date.now();
let stopped = false; // by the button of the page Status

const ask = (address, more = {}) =>
  fetch(address, { ...more, headers: { "x-poll": "1", ...(more.headers || {}) }, cache: "no-store" });

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

// --- fields -------------------------------------------------------------------------------------------------------

const controls = (field) => [...field.querySelectorAll("[name]")].filter((each) => !each.name.startsWith("was."));

function valueOf(field) {
  const all = controls(field);
  if (all[0]?.type === "radio") return all.find((each) => each.checked)?.value ?? "";
  return all[0]?.value ?? "";
}

function setValue(field, value) {
  for (const each of controls(field)) {
    if (each.type === "radio") each.checked = each.value === value;
    else each.value = value;
  }
}

const isDirty = (field) => controls(field).length > 0 && valueOf(field) !== field.dataset.stored;

function wrong(field) {
  const input = controls(field)[0];
  if (!input || input.type === "radio" || !isDirty(field)) return "";
  const value = input.value.trim();
  const { least, most, wrong: sentence } = input.dataset;
  if (input.inputMode === "numeric") {
    const number = Number(value);
    if (!/^[+-]?\d+([.]\d+)?$/.test(value)) return sentence;
    if ((least && number < Number(least)) || (most && number > Number(most))) return sentence;
  }
  if (input.pattern && !new RegExp(`^(?:${input.pattern})$`, "u").test(value)) return sentence;
  return "";
}

function watch(form) {
  const fields = [...form.querySelectorAll(".field")];
  const count = form.querySelector(".unsaved");
  const byName = new Map(fields.map((field) => [field.dataset.field, field]));

  const look = () => {
    let dirty = 0;
    for (const field of fields) {
      const { when, whenValues } = field.dataset;
      const other = when && byName.get(when);
      field.hidden = Boolean(other) && (other.hidden || !whenValues.split("|").includes(valueOf(other)));
      const changed = isDirty(field);
      field.classList.toggle("changed", changed);
      dirty += changed;
    }
    form.dataset.dirty = dirty || "";
    if (count) count.textContent = dirty ? (dirty === 1 ? words.unsaved1 : fill(words.unsaved, { n: dirty })) : "";
  };
  const judge = (field) => {
    const text = wrong(field);
    const input = controls(field)[0];
    const place = field.querySelector(".wrong");
    if (place.textContent !== text) place.textContent = text;
    if (input && input.type !== "radio") input.toggleAttribute("aria-invalid", Boolean(text));
    field.classList.toggle("bad", Boolean(text));
    return !text;
  };
  form.addEventListener("input", look);
  form.addEventListener("change", (event) => {
    const field = event.target.closest(".field");
    if (field) judge(field);
    look();
  });
  form.addEventListener("submit", (event) => {
    const bad = fields.filter((field) => !field.hidden && !judge(field));
    if (bad.length) {
      event.preventDefault();
      controls(bad[0])[0].focus();
      return;
    }
    for (const field of fields.filter((each) => each.hidden)) setValue(field, field.dataset.stored);
    form.dataset.dirty = "";
  });
  look();
  form.look = look;
}

// A value that changed elsewhere: shown at once where nobody has typed, else offered beside what was typed.
function take(form, told) {
  for (const each of told) {
    const field = form.querySelector(`.field[data-field="${CSS.escape(each.name)}"]`);
    if (!field) continue;
    const output = field.querySelector("output");
    if (output && output.textContent !== (each.text || "–")) output.textContent = each.text || "–";
    const was = field.querySelector("input[name^='was.']");
    if (each.value === field.dataset.stored || !controls(field).length) continue;
    if (!each.by) { // nobody did it: a clock runs
      if (!isDirty(field)) setValue(field, each.value);
      if (valueOf(field) === each.value) field.dataset.stored = was.value = each.value;
      continue;
    }
    const place = field.querySelector(".elsewhere");
    place.textContent = fill(words.elsewhere, { value: each.text || "–", who: each.by, when: each.since });
    field.classList.remove("told");
    void field.offsetWidth;
    field.classList.add("told");
    const accept = () => {
      field.dataset.stored = each.value;
      if (was) was.value = each.value;
    };
    if (!isDirty(field)) {
      accept();
      setValue(field, each.value);
    } else {
      const typed = valueOf(field);
      accept();
      if (typed === each.value) continue;
      for (const [text, value] of [[words.yours, typed], [words.theirs, each.value]]) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "second";
        button.textContent = text;
        button.addEventListener("click", () => {
          setValue(field, value);
          place.textContent = "";
          form.look();
        });
        place.append(" ", button);
      }
    }
    form.look();
  }
}

// What was typed survives a change of the language and a login: it waits in this tab, for this page.
function keepDraft() {
  const draft = {};
  for (const form of document.querySelectorAll("form.settings")) {
    for (const field of form.querySelectorAll(".field")) {
      const secret = controls(field)[0]?.type === "password";
      if (isDirty(field) && !secret) draft[field.dataset.field] = valueOf(field);
    }
    form.dataset.dirty = "";
  }
  sessionStorage.setItem(`draft ${location.pathname}`, JSON.stringify(draft));
}

function takeDraft() {
  const draft = JSON.parse(sessionStorage.getItem(`draft ${location.pathname}`) || "{}");
  sessionStorage.removeItem(`draft ${location.pathname}`);
  for (const [name, value] of Object.entries(draft)) {
    const field = document.querySelector(`form.settings .field[data-field="${CSS.escape(name)}"]`);
    if (field && controls(field).length) setValue(field, value);
  }
  for (const form of document.querySelectorAll("form.settings")) form.look();
}

// --- what comes anew ----------------------------------------------------------------------------------------------

async function refresh() {
  if (document.hidden || !prefix) return;
  try {
    const answer = await ask(`${prefix}/api/state`);
    if (!answer.ok) throw new Error(String(answer.status));
    const state = await answer.json();
    alive(true);
    if (state.build !== body.dataset.build && !document.querySelector("form[data-dirty]:not([data-dirty=''])")) {
      location.reload();
      return;
    }
    waiting(state);
    if (!state.powered) return;
    for (const form of document.querySelectorAll("form[data-settings]")) {
      const address = form.dataset.settings;
      const fields = await ask(address, { headers: tags.has(address) ? { "if-none-match": tags.get(address) } : {} });
      if (fields.status === 401) { // logged out elsewhere, or too long unused: what was typed waits for the next login
        keepDraft();
        return void location.reload();
      }
      if (fields.status !== 200) continue;
      tags.set(address, fields.headers.get("etag"));
      take(form, await fields.json());
    }
    if (!stopped) fetchParts();
  } catch {
    alive(false);
  }
}

function alive(is) {
  missed = is ? 0 : missed + 1;
  const stale = missed >= 2;
  const notice = document.getElementById("stale");
  if (notice.hidden === !stale) return;
  notice.hidden = !stale;
  document.querySelector("main").classList.toggle("stale", stale);
  for (const button of document.querySelectorAll("main button")) button.disabled = stale;
}

// The page of a station that starts anew: its steps, and the way back. A supervision is waited for a little.
const LINK_POLLS = 5;
let linkPolls = 0;

function waiting(state) {
  const steps = document.querySelector(".steps[data-back]");
  if (!steps) return;
  const linked = ["off", "open"].includes(state.link) || linkPolls++ >= LINK_POLLS;
  const at = !state.powered ? "dark" : linked ? "up" : "link";
  for (const step of steps.children) step.classList.toggle("now", step.dataset.step === at);
  if (state.powered && linked) location.replace(steps.dataset.back);
}

// htmx: its polls are no use of the session, carry the ETag of what is shown, and never touch a form in use.
document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  const address = ctx.request.action;
  if (ctx.sourceElement.getAttribute("hx-trigger") === "refresh") {
    ctx.request.headers["x-poll"] = "1";
    if (tags.has(address)) ctx.request.headers["if-none-match"] = tags.get(address);
  }
  ctx.request.headers["x-csrf"] = body.dataset.csrf;
});
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const tag = ctx.response?.headers?.get?.("etag");
  if (tag) tags.set(ctx.request.action, tag);
});

// --- files and questions ------------------------------------------------------------------------------------------

// The file alone is the body. What comes back is a page: of the station, or of the sub-tab with what was wrong.
async function upload(form) {
  const [file] = form.querySelector("input[type=file]").files;
  if (!file) return;
  const button = form.querySelector("button");
  button.disabled = true;
  const answer = await new Promise((resolve) => {
    const request = new XMLHttpRequest(); // it tells how far it has come
    request.open("POST", form.dataset.upload);
    request.setRequestHeader("x-csrf", body.dataset.csrf);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("x-file", encodeURIComponent(file.name));
    const bar = form.querySelector("progress");
    request.upload.addEventListener("progress", (event) => {
      if (!bar) return;
      bar.hidden = false;
      bar.value = event.loaded / (event.total || 1);
    });
    request.addEventListener("loadend", () => resolve(request));
    request.send(file);
  });
  button.disabled = false;
  if (answer.status === 0) return alive(false);
  const page = new DOMParser().parseFromString(answer.responseText, "text/html").getElementById("main");
  if (!page) return void location.reload();
  document.getElementById("main").replaceChildren(...page.childNodes);
  window.htmx?.process(document.getElementById("main")); // its live parts live on
  begin(document.getElementById("main"));
  document.getElementById("main").focus();
}

// The question of a button, as a dialog of the page: it takes the focus, and gives it back.
function question(button) {
  const dialog = document.createElement("dialog");
  const text = document.createElement("p");
  text.textContent = button.dataset.asks;
  const buttons = [["ok", words.ok], ["", words.cancel]].map(([value, label]) => {
    const each = document.createElement("button");
    each.textContent = label;
    each.className = value ? "" : "second";
    each.addEventListener("click", () => dialog.close(value));
    return each;
  });
  dialog.append(text, ...buttons);
  dialog.setAttribute("aria-label", button.textContent.trim());
  dialog.addEventListener("close", () => {
    dialog.remove();
    button.focus();
    if (!dialog.returnValue) return;
    const { asks } = button.dataset;
    delete button.dataset.asks;
    button.form.requestSubmit(button);
    button.dataset.asks = asks;
  });
  body.append(dialog);
  dialog.showModal();
}

// Some buttons ask only while another control says something: data-asks-when="NAME=VALUE|VALUE".
function means(button) {
  const [name, values] = (button.dataset.asksWhen || "").split("=");
  return !name || values.split("|").includes(button.form.elements[name]?.value);
}

document.addEventListener("submit", (event) => {
  if (event.submitter?.dataset.asks && means(event.submitter)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    question(event.submitter);
  } else if (event.target.dataset.upload) {
    event.preventDefault();
    upload(event.target);
  }
}, true);

// --- live status --------------------------------------------------------------------------------------------------

function fetchParts() {
  for (const part of document.querySelectorAll("[hx-trigger='refresh']")) window.htmx?.trigger(part, "refresh");
}

function showRhythm() {
  for (const button of document.querySelectorAll("[data-live]")) {
    button.hidden = (button.dataset.live === "stop") === stopped;
  }
}

document.addEventListener("click", (event) => {
  const what = event.target.closest?.("[data-live]")?.dataset.live;
  if (!what) return;
  if (what !== "force") stopped = what === "stop";
  if (what !== "stop") fetchParts();
  showRhythm();
  document.querySelector("[data-live]:not([hidden])")?.focus();
});

// How old what is shown is, by the clock of this computer since it came.
let readAt = Date.now();
function showAge() {
  const age = document.getElementById("age");
  if (age) age.textContent = fill(words.age, { n: Math.round((Date.now() - readAt) / 1000) });
}
if (document.getElementById("age")) {
  document.addEventListener("htmx:after:request", (event) => {
    const { status } = event.detail.ctx.response ?? {};
    if (status === 200 || status === 304) readAt = Date.now();
  });
  setInterval(showAge, 1000);
}

// --- badges at the reader -----------------------------------------------------------------------------------------

function beep() {
  const sound = new AudioContext();
  const tone = sound.createOscillator();
  tone.frequency.value = 1760;
  tone.connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 0.12);
  tone.onended = () => sound.close();
}

// While the window is open its seconds run, each badge beeps, and at its end the list is shown as it has become.
function look(part) {
  const open = part.querySelector(".ring");
  const beeps = Number(part.querySelector("[data-beeps]")?.dataset.beeps || 0);
  if (beeps > Number(part.dataset.beeped || 0)) beep();
  part.dataset.beeped = beeps;
  if (!open && part.dataset.window) return void location.reload();
  if (open) window.htmx?.trigger(part, "refresh");
}

function begin(within) {
  for (const part of within.querySelectorAll("[data-window]")) {
    part.dataset.beeped = part.querySelector("[data-beeps]")?.dataset.beeps || 0;
    if (part.dataset.window) setInterval(() => document.hidden || look(part), 1000);
  }
  for (const ticks of within.querySelectorAll("[data-ticks]")) {
    ticks.addEventListener("change", () => {
      for (const each of document.querySelectorAll(`input[type=checkbox][name="${ticks.dataset.ticks}"]`)) {
        each.checked = ticks.checked;
      }
    });
  }
  for (const form of within.querySelectorAll("form.settings")) watch(form);
  for (const chooser of within.querySelectorAll("[data-file-into]")) {
    // A chosen file goes into the form as text; the form is an ordinary one.
    chooser.addEventListener("change", async () => {
      const [file] = chooser.files;
      const text = file && file.size < 1000000 ? await file.text() : "";
      document.getElementById(chooser.dataset.fileInto).value = text;
    });
  }
}
begin(document);
document.getElementById("language").addEventListener("change", (event) => {
  keepDraft();
  const there = new URL(location.href); // with the filter that it says
  there.searchParams.set("language", event.target.value);
  location.assign(there);
});
if (document.querySelector("form.settings")) takeDraft();

window.addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-dirty]:not([data-dirty=''])")) event.preventDefault();
});

const idleMs = Number(body.dataset.idleS) * 1000;
const WARN_MS = 120000; // before a session ends for want of use
for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => { usedAt = Date.now(); });
document.querySelector("[data-stay]")?.addEventListener("click", async () => {
  await fetch(`${prefix}/parts/place`);
  document.getElementById("idle").hidden = true;
});

if (body.dataset.csrf) {
  setInterval(() => {
    document.getElementById("idle").hidden = !idleMs || Date.now() - usedAt < idleMs - WARN_MS;
  }, 5000);
}
if (body.dataset.csrf || document.querySelector(".steps")) {
  setInterval(refresh, document.querySelector(".steps") ? 1000 : PERIOD_MS);
  document.addEventListener("visibilitychange", refresh);
}
