/* Watches a running session: events come over the WebSocket, numbered; after a break the page asks
   for what follows the last number it has seen, so nothing is missed and nothing is shown twice. */
"use strict";
(() => {
  const body = () => document.getElementById("session-body");
  const final = new Set(["diagnosis_complete", "session_interrupted"]);
  const refused = new Set([4400, 4401, 4403, 4404]);
  let seen = 0;
  let failures = 0;

  const milliseconds = (spent) => {
    if (spent >= 1000) return `${(spent / 1000).toFixed(1)} s`;
    return spent >= 1 ? `${Math.round(spent)} ms` : "<1 ms";
  };

  const advance = (agent, state, said) => {
    const row = document.querySelector(`[data-agent="${CSS.escape(agent)}"]`);
    if (!row) return;
    row.dataset.state = state;
    row.querySelector("[data-said]").textContent = said;
  };

  const statuses = { timed_out: "Timed out", breaker_open: "Not asked", failed: "Failed" };

  const alarm = (flags) => {
    const banner = document.getElementById("alarms");
    banner.hidden = false;
    const emergency = flags.some((flag) => flag.urgency === "emergency");
    if (emergency) banner.className = "urgency urgency-emergency";
    const list = banner.querySelector("ul");
    for (const flag of flags) {
      const line = document.createElement("li");
      line.textContent = flag.title;
      list.append(line);
    }
    banner.querySelector("[data-alarm-title]").textContent =
      banner.classList.contains("urgency-emergency") ? "Emergency" : "Red flag";
  };

  const said = {
    agent_started: (event) => advance(event.agent, "running", "Working"),
    agent_completed: (event) =>
      advance(event.agent, "done", `Done in ${milliseconds(event.detail.duration_ms)}`),
    agent_failed: (event) =>
      advance(event.agent, "failed", `${statuses[event.detail.status] || "Failed"} after ${milliseconds(event.detail.duration_ms)}`),
    emergency_detected: (event) => alarm(event.detail.red_flags),
  };

  let shown = false;
  const showResult = async () => {
    if (shown) return;
    shown = true;
    await htmx.ajax("GET", body().dataset.result, { target: "#session-body", swap: "outerHTML" });
    const summary = document.querySelector("[data-spoken]");
    if (summary) announce(summary.dataset.spoken);
  };

  const take = (event) => {
    if (event.seq <= seen) return;
    seen = event.seq;
    said[event.kind]?.(event);
    if (final.has(event.kind)) showResult();
  };

  /* Without a WebSocket (a proxy that refuses it) the page asks every two seconds. */
  const poll = () => {
    setTimeout(async () => {
      await htmx.ajax("GET", body().dataset.result, { target: "#session-body", swap: "outerHTML" });
      if (body().dataset.state === "running") poll();
    }, 2000);
  };

  const watch = () => {
    const { events } = body().dataset;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${events}?after=${seen}`);
    socket.addEventListener("message", (message) => {
      failures = 0;
      const event = JSON.parse(message.data);
      if (event.seq) take(event);
    });
    socket.addEventListener("close", (close) => {
      if (body()?.dataset.state !== "running") return;
      if (close.code === 1000) {
        showResult();
        return;
      }
      failures += 1;
      if (refused.has(close.code) || failures > 4) poll();
      else setTimeout(watch, Math.min(250 * 2 ** failures, 5000));
    });
  };

  if (body()?.dataset.state === "running") {
    seen = Number(body().dataset.after);
    watch();
  }
})();
