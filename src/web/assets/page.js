"use strict";
// Keeps a page fresh: pieces that changed are put in their place. Everything works without this, by a reload.
(() => {
  const link = document.getElementById("link");
  const said = document.getElementById("said");
  const waiting = new Map(), answered = new Map();
  let last = Date.now(), skew = 0, news = null;

  const fields = (piece) => [...piece.querySelectorAll("input:not([type=hidden]), textarea, select")];
  const keyOf = (field) => `${field.form ? field.form.id : ""} ${field.id}`;

  // What people typed, opened or hold stays theirs.
  const put = (piece, html) => {
    // Why something was not taken stays until that place has news of its own.
    if (piece.querySelector(".wrong")) {
      if (!answered.has(piece.id)) answered.set(piece.id, html);
      if (answered.get(piece.id) === html) return;
    }
    answered.delete(piece.id);
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    if (fresh.innerHTML === piece.innerHTML) return;
    const active = piece.contains(document.activeElement) ? document.activeElement : null;
    if (active && !active.id) { waiting.set(piece.id, html); return; }
    const typed = new Map(fields(piece).map((field) => [keyOf(field), field.value]));
    const open = [...piece.querySelectorAll("details[id]")].filter((one) => one.open).map((one) => one.id);
    const scrolled = [...piece.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    const marked = active && active.selectionStart !== undefined ? [active.selectionStart, active.selectionEnd] : null;
    piece.replaceChildren(fresh.content);
    for (const field of fields(piece)) {
      const value = typed.get(keyOf(field));
      if (value !== undefined && value !== "") field.value = value;
    }
    for (const id of open) { const one = document.getElementById(id); if (one) one.open = true; }
    [...piece.querySelectorAll(".scroll")].forEach((one, n) => { one.scrollLeft = scrolled[n] || 0; });
    const again = active && document.getElementById(active.id);
    if (again) {
      again.focus({ preventScroll: true });
      if (marked && again.setSelectionRange) { try { again.setSelectionRange(marked[0], marked[1]); } catch { /* not a text */ } }
    }
    remember(piece); local(piece);
  };
  document.addEventListener("focusout", () => setTimeout(() => {
    for (const [id, html] of [...waiting]) {
      const piece = document.getElementById(id);
      if (piece && !piece.contains(document.activeElement)) { waiting.delete(id); put(piece, html); }
    }
  }));

  // A name is typed once on this device.
  const remember = (piece) => {
    let name = "";
    try { name = localStorage.getItem("firedrill-person") || ""; } catch { return; }
    for (const field of piece.querySelectorAll("input[name=person]")) if (!field.value) field.value = name;
  };
  document.addEventListener("change", (event) => {
    if (event.target.name !== "person") return;
    try { localStorage.setItem("firedrill-person", event.target.value); } catch { /* not kept */ }
  });

  // Times in the reader's own zone.
  const local = (piece) => {
    for (const time of piece.querySelectorAll("time[data-local]")) {
      const at = new Date(time.dateTime);
      time.title = time.textContent;
      time.textContent = at.toLocaleString(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
    }
  };

  const two = (n) => String(n).padStart(2, "0");
  const clock = (s) => s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  const lasting = (s) => {
    const d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
    if (d) return h ? `${d} d ${h} h` : `${d} d`;
    if (h) return m ? `${h} h ${m} min` : `${h} h`;
    if (m) return m < 5 && s % 60 ? `${m} min ${s % 60} s` : `${m} min`;
    return `${s} s`;
  };
  const set = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const tick = () => {
    const now = Date.now() + skew;
    for (const one of document.querySelectorAll("[data-since]")) set(one, clock(Math.max(0, Math.floor((now - one.dataset.since) / 1000))));
    for (const one of document.querySelectorAll("[data-away]")) {
      const s = Math.round((one.dataset.away - now) / 1000);
      set(one, s >= 0 ? `in ${lasting(s)}` : `${lasting(-s)} ago`);
    }
  };

  // Said once to those who do not see it.
  const tell = () => {
    const text = [...document.querySelectorAll("[data-news]")].map((one) => one.textContent.trim()).join(" ");
    const words = text.replace(/in [\d][^.,]*/g, "");
    if (news !== null && news !== words) said.textContent = text;
    news = words;
  };

  const fresh = (is) => {
    const age = Math.round((Date.now() - last) / 1000);
    link.className = is ? "state live" : "state stale";
    set(link, is ? "live" : `Not live: what you see is ${lasting(age)} old. Trying again.`);
    document.body.classList.toggle("is-stale", !is);
  };

  // Pieces come and go; those that stay keep their order. The first stands in the head of the page.
  const arrange = (all) => {
    const main = document.querySelector("main");
    for (const piece of main.querySelectorAll(":scope > .piece")) if (!all.includes(piece.id)) piece.remove();
    let before = null;
    for (const id of all.slice(1)) {
      let piece = document.getElementById(id);
      if (!piece) {
        piece = document.createElement("div");
        piece.className = "piece"; piece.id = id;
        if (before) before.after(piece); else main.prepend(piece);
      }
      before = piece;
    }
  };

  const follow = (path) => {
    let source = null;
    const begin = () => {
      if (source) source.close();
      source = new EventSource(path);
      source.addEventListener("pieces", (event) => {
        const { title, now, all, pieces } = JSON.parse(event.data);
        last = Date.now(); skew = now - last;
        document.title = `${title} · firedrill`;
        arrange(all);
        for (const [id, html] of Object.entries(pieces)) put(document.getElementById(id), html);
        fresh(true); tick(); tell();
      });
    };
    begin();
    setInterval(() => {
      const age = Date.now() - last;
      if (age > 9000) fresh(false);
      // The browser gives up on some answers; then we begin anew.
      if (source.readyState === EventSource.CLOSED || age > 20000) { begin(); }
    }, 3000);
  };

  remember(document.body); local(document.body); tick(); tell();
  setInterval(tick, 1000);
  if (document.body.dataset.live) follow(document.body.dataset.live);
})();
