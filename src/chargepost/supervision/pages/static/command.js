// The command form: the payload follows the message chosen, and a command is sent without leaving the page.
"use strict";

/** Fills in the example of the message that is chosen, unless somebody typed something of their own. */
function followMessage(form) {
  const { action, payload } = form.elements;
  const ours = new Set(["", ...[...action.options].map((option) => option.dataset.example)]);
  const fill = () => {
    if (ours.has(payload.value.trim())) payload.value = action.selectedOptions[0].dataset.example;
  };
  action.addEventListener("change", fill);
  fill(); // a browser that came back to the page may have kept another message
}

async function send(form) {
  const output = form.querySelector("pre");
  output.textContent = "waiting for the station ...";
  try {
    const answer = await fetch(form.dataset.command + form.elements.action.value, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: form.elements.payload.value.trim() || "{}",
    });
    const body = await answer.json();
    output.textContent = answer.ok ? JSON.stringify(body, null, 2) : [body.title, body.detail, body.remedy].join("\n");
  } catch {
    output.textContent = "The supervision does not answer. See whether it still runs.";
  }
}

document.querySelectorAll("[data-command]").forEach((form) => {
  followMessage(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
});
