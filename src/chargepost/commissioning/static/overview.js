// The curve of the last hours, and hands: what they do is done without leaving the page.
"use strict";

{
  const POINTS_MAX = 1440; // as many as the station keeps
  const place = document.getElementById("curve");
  const section = place.closest("section");
  const words = JSON.parse(section.dataset.curveWords);
  const of = document.getElementById("curve-of");
  const connector = () => Number(of?.value ?? 1);
  const colour = (name) => getComputedStyle(document.body).getPropertyValue(`--${name}`).trim();
  const data = [[], [], [], []];
  let taken = 0;
  let plot = null;
  let charged = false; // whether a car told its state of charge: then it has an axis

  const sized = () => ({ width: Math.max(place.clientWidth, 200), height: place.clientWidth < 500 ? 220 : 280 });
  // as the pages show times: 24 hours, where the station stands
  const times = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: section.dataset.zone });
  const clock = (seconds) => times.format(new Date(seconds * 1000));

  const number = (value, least, most = least) => value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: least, maximumFractionDigits: most });

  const units = (unit) => (_, all) => all.map((each) => `${number(each, 0, 2)} ${unit}`);
  const room = (_, told) => 18 + 7 * Math.max(...(told ?? []).map((each) => each.length), 4); // px, for the longest

  function draw() {
    plot?.destroy();
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") }, font: "12px system-ui" };
    plot = new uPlot({
      ...sized(),
      scales: { kw: { range: (_, low, high) => [0, Math.max(high ?? 0, 1) * 1.1] }, a: { range: (_, low, high) => [0, Math.max(high ?? 0, 6) * 1.1] }, soc: { range: [0, 100] } },
      axes: [
        { ...axis, space: 80, values: (_, all) => all.map(clock) },
        { ...axis, scale: "kw", size: room, values: units("kW") },
        { ...axis, scale: "a", side: 1, size: room, grid: { show: false }, values: units("A"), stroke: colour("waiting") },
        { ...axis, scale: "soc", side: 1, size: room, grid: { show: false }, values: units("%"), stroke: colour("available"), show: charged },
      ],
      series: [
        { label: words.time, value: (_, each) => (each == null ? "–" : clock(each)) },
        { label: words.power, scale: "kw", stroke: colour("charging"), width: 2, fill: `${colour("charging")}22` },
        { label: words.offered, scale: "a", stroke: colour("waiting"), width: 2, dash: [8, 4], paths: uPlot.paths.stepped({ align: -1 }) },
        { label: words.soc, scale: "soc", stroke: colour("available"), width: 2, dash: [2, 3] },
      ],
    }, data, place);
  }

  stream.on("curve", (told) => {
    if (told.connector !== connector()) return;
    if (told.from === 0) for (const column of data) column.length = 0;
    taken = told.taken;
    data[0].push(...told.at);
    data[1].push(...told.power_kw);
    data[2].push(...told.offered_a);
    data[3].push(...told.soc);
    for (const column of data) column.splice(0, Math.max(column.length - POINTS_MAX, 0));
    section.hidden = data[0].length === 0;
    if (section.hidden) return;
    const tells = data[3].some((each) => each != null);
    if (plot && tells === charged) plot.setData(data);
    else {
      charged = tells;
      draw();
    }
    const highest = data[1].reduce((most, each) => Math.max(most, each), 0);
    document.getElementById("curve-said").textContent = fill(words.said, {
      power: number(data[1].at(-1), 2), offered: number(data[2].at(-1), 0, 1), highest: number(highest, 2),
    });
  });
  stream.on("changed", refresh);
  const ask = () => stream.ask(() => ({ picture: true, curve: { connector: connector(), taken } }));
  of?.addEventListener("change", () => {
    taken = 0;
    ask();
  });
  ask();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot && draw());
  new ResizeObserver(() => plot?.setSize(sized())).observe(place);

  const told = document.getElementById("told");
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-hand]")) return;
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button");
    const sent = new URLSearchParams(new FormData(form, event.submitter));
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: sent });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const said = page.querySelector("main > .problem:not([id]), main > .done");
      told.hidden = false;
      told.className = said?.classList.contains("problem") ? "problem" : "done";
      told.textContent = said?.textContent ?? `${button.textContent.trim()} ✓`;
    } catch {
      alive(false);
    } finally {
      button.disabled = false;
    }
    refresh();
  });
}
