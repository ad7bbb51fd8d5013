// One WebSocket a tab: a page says what it shows, and is told what is new. It comes back by itself.
"use strict";

const stream = (() => {
  const heard = {};
  let socket = null;
  let asked = null;
  let tries = 0;

  const isOpen = () => socket?.readyState === WebSocket.OPEN;
  const say = () => {
    if (asked && isOpen()) socket.send(JSON.stringify(asked()));
  };
  const dial = () => {
    const { prefix } = document.body.dataset;
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${prefix}/stream`);
    socket.addEventListener("open", () => {
      tries = 0;
      say();
    });
    socket.addEventListener("message", (event) => {
      for (const [kind, what] of Object.entries(JSON.parse(event.data))) heard[kind]?.(what);
    });
    socket.addEventListener("close", () => {
      // not all at once, after a restart of the station
      setTimeout(dial, Math.min(1000 * 2 ** tries++, 10000) * (0.5 + Math.random() / 2));
    });
  };
  return {
    // what: a function that gives what to ask for, also after the connection was lost
    ask(what) {
      asked = what;
      if (!socket) dial();
      else say();
    },
    on(kind, what) { heard[kind] = what; },
    isOpen,
  };
})();
