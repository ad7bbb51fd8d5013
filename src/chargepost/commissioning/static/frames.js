// Exchanges appear at the top while the page stands there; who has scrolled down is told how many there are.
"use strict";

{
  const ROWS_MAX = 500; // more are never drawn; older ones have pages of their own
  const list = document.querySelector(".exchanges");
  const fresh = document.getElementById("new");
  const filter = new URLSearchParams(location.search);
  let last = Number(list.dataset.last ?? 0);
  let waiting = [];

  const isAtTop = () => scrollY < 200 && !list.querySelector("details[open]");

  function show(rows) {
    for (const [number, html] of rows) {
      const old = document.getElementById(`x${number}`);
      if (old?.querySelector("details[open]")) continue; // it is being read
      if (old) old.outerHTML = html;
      else list.insertAdjacentHTML("afterbegin", html);
    }
    while (list.children.length > ROWS_MAX) list.lastElementChild.remove();
    document.querySelector("main > .empty")?.remove();
  }
  function flush() {
    show(waiting);
    waiting = [];
    if (fresh) fresh.hidden = true;
  }
  function take(rows) {
    const known = rows.filter(([number]) => document.getElementById(`x${number}`));
    show(known);
    const numbers = new Set(rows.map(([number]) => number));
    waiting = [...waiting.filter(([number]) => !numbers.has(number)), ...rows.filter((row) => !known.includes(row))].slice(-ROWS_MAX);
    if (isAtTop()) return flush();
    if (!waiting.length || !fresh) return;
    const button = fresh.firstElementChild;
    button.dataset.text ??= button.textContent;
    button.textContent = fill(button.dataset.text, { n: waiting.length });
    fresh.hidden = false;
  }

  if (list.dataset.last !== undefined) {
    stream.on("rows", take);
    stream.on("last", (number) => { last = number; });
    stream.ask(() => ({ frames: { action: filter.get("action") ?? "", outcome: filter.get("outcome") ?? "", after: last } }));
    fresh?.addEventListener("click", () => {
      scrollTo({ top: 0 });
      flush();
    });
    addEventListener("scroll", () => waiting.length && isAtTop() && flush(), { passive: true });
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const address = new URL(button.dataset.copy, location.href.split("?")[0]).href;
    try {
      await navigator.clipboard.writeText(address);
      button.textContent = `${button.textContent.replace(" ✓", "")} ✓`;
    } catch {
      location.href = address; // no clipboard without https: the address bar has it then
    }
  });
}
