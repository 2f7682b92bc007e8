// Asks for the page again every second, and puts in what changed. Keeps the place in the chat, unless that is its end.
"use strict";
(() => {
  const parts = ["list", "head", "messages", "refused"];
  const chat = () => document.getElementById("messages");
  const atEnd = () => chat().scrollHeight - chat().scrollTop - chat().clientHeight < 80;
  const toEnd = () => { chat().scrollTop = chat().scrollHeight; };
  let known = "";

  const openDetails = () => new Set([...document.querySelectorAll("details[open][id]")].map((details) => details.id));

  const put = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const end = atEnd();
    const open = openDetails();
    for (const part of parts) {
      const now = document.getElementById(part);
      const then = fresh.getElementById(part);
      if (now && then && now.innerHTML !== then.innerHTML) now.replaceChildren(...then.childNodes);
    }
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    document.title = fresh.title;
    if (end) toEnd();
  };

  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.pathname, { headers: { "If-None-Match": known }, cache: "no-store" });
      if (answer.status === 200) {
        put(await answer.text());
        known = answer.headers.get("etag") || "";
      }
      document.body.classList.remove("offline");
    } catch {
      document.body.classList.add("offline");
    }
  };

  toEnd();
  setInterval(ask, 1000);
})();
