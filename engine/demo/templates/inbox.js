"use strict";
// Asks for the list once a second and touches only what has changed: what is open stays open,
// and a frame is loaded when its email is opened.
(() => {
  const main = document.querySelector("main");
  const opened = new Set();
  const known = new WeakMap();
  const clock = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit", second: "2-digit"});
  let version = "";
  let greeted = false;

  const load = (details) => {
    for (const frame of details.querySelectorAll(":scope > iframe")) {
      if (!frame.src) frame.src = frame.dataset.src;
    }
  };

  const dress = (article) => {
    for (const time of article.querySelectorAll("time[data-seconds]")) {
      time.textContent = clock.format(new Date(Number(time.dataset.seconds) * 1000));
    }
    for (const one of article.querySelectorAll("details[data-key]")) {
      const key = one.dataset.key;
      one.open = opened.has(key);
      if (one.open) load(one);
      one.addEventListener("toggle", () => {
        if (one.open) { opened.add(key); load(one); } else { opened.delete(key); }
      });
    }
  };

  const sync = (feed, wanted) => {
    const present = new Map([...feed.children].map((child) => [child.dataset.key, child]));
    let place = feed.firstElementChild;
    for (const next of [...wanted.children]) {
      const raw = next.outerHTML;
      const old = present.get(next.dataset.key);
      if (old && known.get(old) === raw) {
        present.delete(next.dataset.key);
        if (old === place) place = place.nextElementSibling;
        else feed.insertBefore(old, place);
        continue;
      }
      known.set(next, raw);
      feed.insertBefore(next, place);
      dress(next);
    }
    for (const gone of present.values()) gone.remove();
  };

  const show = (html) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    for (const pane of fresh.content.querySelectorAll(".pane")) {
      const here = main.querySelector(`.pane.${pane.classList[1]}`);
      here.querySelector("header").replaceWith(pane.querySelector("header"));
      sync(here.querySelector(".feed"), pane.querySelector(".feed"));
    }
    // The first email that is seen opens by itself; what comes later disturbs no reader.
    const first = main.querySelector(".mails > details");
    if (first && !greeted) first.open = greeted = true;
  };

  const ask = async () => {
    try {
      const headers = version ? {"If-None-Match": version} : {};
      const answer = await fetch(main.dataset.list, {headers, cache: "no-store"});
      if (answer.status === 200) {
        version = answer.headers.get("ETag") || "";
        show(await answer.text());
      }
      document.body.classList.toggle("lost", answer.status >= 400);
    } catch {
      document.body.classList.add("lost");
    }
    setTimeout(ask, 1000);
  };

  ask();
})();
