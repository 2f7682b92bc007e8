// A place of an app: says something, presses buttons of cards, and reads what is on the screen.
"use strict";
(() => {
  const form = document.getElementById("say");
  const told = form.querySelector("output");
  const person = () => form.elements.user.value;
  const conversation = () => form.dataset.conversation || undefined;

  const order = (path, body) =>
    fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

  // Whoever looks at the chat has read it.
  const read = () => {
    if (!document.hidden && person()) order("/simulator/read", { user_id: person(), conversation: conversation() }).catch(() => {});
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = form.elements.text.value.trim();
    if (!text) return;
    form.elements.text.value = "";
    try {
      const answer = await order("/simulator/say", { user_id: person(), conversation: conversation(), text });
      told.textContent = answer.ok && (await answer.json()).taken ? "" : form.dataset.notTaken;
    } catch {
      told.textContent = form.dataset.notTaken;
    }
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-action]");
    if (!button || button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    try {
      const body = { out_track_id: button.dataset.card, user_id: person(), action_id: button.dataset.action };
      const outcome = await (await order("/simulator/press", body)).json();
      told.textContent = outcome === "taken" ? "" : form.getAttribute(`data-${outcome}`) || outcome;
    } catch {
      told.textContent = form.getAttribute("data-failed");
    }
    button.removeAttribute("aria-busy");
  });

  form.elements.user.addEventListener("change", read);
  document.addEventListener("visibilitychange", read);
  new MutationObserver(read).observe(document.getElementById("messages"), { childList: true });
  read();
})();
