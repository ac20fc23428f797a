"use strict";
// Exact values on hover and focus. The page says everything without it, too.
(() => {
  const { length, curves } = JSON.parse(document.getElementById("points").textContent);
  const tip = document.querySelector(".tip");
  const chart = document.querySelector(".chart");
  if (!tip || !chart) return;
  const GUTTER = 170, RIGHT = 976;
  const say = (text) => { if (tip.textContent !== text) tip.textContent = text; };
  for (const element of chart.querySelectorAll("[data-tip]")) {
    element.addEventListener("focus", () => say(element.dataset.tip));
    element.addEventListener("pointerenter", () => say(element.dataset.tip));
  }
  const nearest = (points, at) => {
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < at) low = middle + 1; else high = middle;
    }
    if (low > 0 && at - points[low - 1][0] < points[low][0] - at) low -= 1;
    return points[low];
  };
  for (const panel of chart.querySelectorAll("[data-panel]")) {
    const curve = curves[Number(panel.dataset.panel)];
    panel.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * 1000;
      const at = Math.max(0, Math.min(1, (x - GUTTER) / (RIGHT - GUTTER))) * length;
      const words = [["", curve.points], ["slowest answer to the load ", curve.load]]
        .filter(([, points]) => points.length > 0)
        .map(([what, points]) => {
          const [time, value, failures, line] = nearest(points, at);
          const failed = failures > 0 ? `, ${failures} failed` : "";
          return `${what}${value} ${curve.unit} at +${time.toFixed(1)} s${failed} (line ${line})`;
        });
      if (words.length > 0) say(`${curve.probe}: ${words.join("; ")}`);
    });
  }
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".verdict:not([open])")];
    for (const one of opened) one.open = true;
  });
  window.addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
})();
