/* What a reader would call broken on the page as it stands: a list of sentences, empty where nothing is. */
() => {
  const faults = new Set();
  const wide = innerWidth, root = document.documentElement;
  const name = (element) => {
    const parts = [];
    for (let at = element; at && at !== document.body && parts.length < 4; at = at.parentElement)
      parts.unshift(at.tagName.toLowerCase() + (at.id ? "#" + at.id : at.classList.length ? "." + at.classList[0] : ""));
    const text = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return parts.join(" > ") + (text ? ` “${text}”` : "");
  };
  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
  const inside = (element, test) => {
    for (let at = element.parentElement; at; at = at.parentElement) if (test(at)) return at;
    return null;
  };
  const unseen = (element) => element.closest(".unseen, script, style, head, title") ||
    !element.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true });

  if (root.scrollWidth > wide) faults.add(`the page is ${root.scrollWidth} px wide in a window of ${wide}`);

  for (const element of document.body.querySelectorAll(":not(svg *)")) {
    if (unseen(element)) continue;
    const style = getComputedStyle(element), box = element.getBoundingClientRect();
    const leaves = box.width && (box.right > wide + 1 || box.left < -1);
    if (leaves && !inside(element, scrolls)) faults.add(`out of the page: ${name(element)}`);
    const clips = /hidden|clip/.test(style.overflowX) && !element.matches("svg");
    if (clips && element.scrollWidth > element.clientWidth + 1) faults.add(`cut off: ${name(element)}`);
    const framed = parseFloat(style.borderLeftWidth) && !scrolls(element) && !element.matches("td, th, input");
    if (framed && element.scrollWidth > element.clientWidth + 2) faults.add(`out of its frame: ${name(element)}`);
    const own = element.clientWidth && element.scrollWidth > element.clientWidth + 1;
    const many = wide < 1200 && element.matches(".examples, article, table"); /* rows of data; GitHub's tables */
    if (scrolls(element) && own && !many && !element.matches("pre, textarea") && wide >= 700) faults.add(`has to be scrolled sideways: ${name(element)}`);
  }

  /* Half a page of nothing beside one long cell. */
  for (const row of document.querySelectorAll("tr")) {
    if (unseen(row)) continue;
    const heights = [...row.cells].map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return range.getBoundingClientRect().height;
    }).sort((a, b) => b - a);
    if (wide >= 700 && heights.length > 1 && heights[0] - heights[1] > 200) faults.add(`empty beside a long cell: ${name(row)}`);
  }

  /* Text upon text. Turned labels have a box much larger than their letters. */
  const pieces = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || unseen(parent) || /rotate\(-?(?!0\b|90\b)/.test(parent.getAttribute("transform") || "")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 1) pieces.push({ box, parent });
  }
  pieces.sort((a, b) => a.box.top - b.box.top);
  pieces.forEach((one, place) => {
    for (let next = place + 1; next < pieces.length && pieces[next].box.top < one.box.bottom; next++) {
      const other = pieces[next];
      const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const down = Math.min(one.box.bottom, other.box.bottom) - other.box.top;
      const line = Math.min(one.box.height, other.box.height);
      if (across > 2 && down > 0.4 * line) faults.add(`text upon text: ${name(one.parent)} and ${name(other.parent)}`);
    }
  });

  /* Contrast by WCAG 2.2, level AA: 4.5, and 3 for large letters. */
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colours = new Map();
  const parsed = (text) => {
    if (!colours.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      colours.set(text, [r, g, b, a / 255]);
    }
    return colours.get(text);
  };
  const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3])).concat(1);
  const paper = matchMedia("(prefers-color-scheme: dark)").matches && !matchMedia("print").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
  const grounds = new Map([[null, paper]]);
  const ground = (element) => {
    if (!grounds.has(element)) grounds.set(element, over(parsed(getComputedStyle(element).backgroundColor), ground(element.parentElement)));
    return grounds.get(element);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const parent of new Set(pieces.map((piece) => piece.parent))) {
    const style = getComputedStyle(parent), behind = ground(parent);
    const ink = over(parsed(parent.closest("svg") ? style.fill : style.color), behind);
    const [low, high] = [light(ink), light(behind)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) faults.add(`too faint, ${ratio.toFixed(1)} to 1: ${name(parent)}`);
  }
  return [...faults];
}
