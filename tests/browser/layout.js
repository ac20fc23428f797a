// What is cut or lies on something else on the page as it is shown now: a list of words, empty when all is well.
(() => {
  const found = [];
  const shown = (box) => box.width > 0 && box.height > 0;
  const name = (element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> "${element.textContent.trim().slice(0, 60)}"`;
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth + 1) found.push(`the page is ${page.scrollWidth} wide in a window of ${page.clientWidth}`);
  // What scrolls on purpose can be reached; anything else that is wider than its box is cut or sticks out.
  const inScroller = (element) => element.closest(".scroll, pre, svg") !== null;
  const print = matchMedia("print").matches;
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("svg") || (!print && inScroller(element)) || !shown(element.getBoundingClientRect())) continue;
    if (element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1) {
      found.push(`cut at the side: ${name(element)} ${element.scrollWidth} > ${element.clientWidth}`);
    }
  }
  for (const chart of document.querySelectorAll("svg.chart")) {
    const frame = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll("text")].map((element) => [element, element.getBoundingClientRect()]);
    const visible = texts.filter(([element, box]) => shown(box) && element.firstChild?.nodeType === 3);
    for (const [element, box] of visible) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
        found.push(`outside of the picture: ${name(element)}`);
      }
    }
    // Boxes hold the air above and below the letters, so neighbours may share a little of it.
    const air = 3 * frame.width / 1000;
    for (const [n, [one, a]] of visible.entries()) {
      for (const [other, b] of visible.slice(n + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > air) found.push(`on each other: ${name(one)} and ${name(other)}`);
      }
    }
  }
  return found.slice(0, 20);
})()
