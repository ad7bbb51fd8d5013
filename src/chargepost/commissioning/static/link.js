// The address of the supervision is tried as it is typed; what was found appears above it.
"use strict";

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-link-test]")) return;
  event.preventDefault();
  const sent = new URLSearchParams(new FormData(form));
  const typed = document.querySelector("[name='supervision-url']");
  if (typed) sent.set("supervision-url", typed.value);
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: sent });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("link-tested") ?? page.querySelector("main > .problem:not([id])");
    document.getElementById("link-tested").replaceChildren(...(found ? found.childNodes : []));
  } catch {
    alive(false);
  } finally {
    button.disabled = false;
  }
});
