"use strict";

// Shows whether the server is ready, every few seconds.
async function look() {
  const state = document.getElementById("state");
  try {
    const answer = await fetch("/health/ready", { cache: "no-store" });
    state.textContent = await answer.text();
  } catch {
    state.textContent = "the server does not answer";
  }
}

look();
setInterval(look, 2000);
