// The map of the words. Bokeh draws the points by WebGL; the labels, the search and the gestures
// are here. Words reach the page as text only (textContent, fillText), never as HTML.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { words, counts, clusterNames, each, parts } = data;
  const total = words.length;
  const lower = words.map((word) => word.toLowerCase());
  const places = unpack(data.places, Uint16Array);
  const neighbors = unpack(data.neighbors, data.wide ? Uint32Array : Uint16Array);
  const similarities = unpack(data.similarities, Int16Array);
  const clusters = unpack(data.clusters, Uint8Array);
  const prominence = prominences();

  const overlay = $("overlay");
  const pen = overlay.getContext("2d");
  const tip = $("tip");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const night = matchMedia("(prefers-color-scheme: dark)");

  const NONE = -1;
  const REACH = 14; // pixels from a point within which the pointer is on it
  const LABELS = 130; // at most so many at once
  const CANDIDATES = 5000; // words tried for a label
  const DEEPEST = 150; // times the zoom that shows everything
  const SLOW = 80; // milliseconds; a drawing that takes longer waits until the map is at rest
  const REST = 160; // milliseconds after which a map that was moved is at rest
  const WATCHED = 4; // frames
  const MARGIN = 60; // pixels drawn beyond each side (as in the style), to be there on moving
  const PAGE = 50; // words of the list at once

  let width = 1, height = 1; // of the map in pixels
  let view = { x: 0, y: 0, k: 1 }; // what is in the middle of it; pixels a unit
  let whole = 1; // k that shows everything, but for a few words far away from all others
  let smallest = 1; // k that shows those as well
  const home = middle();
  let selected = NONE, hovered = NONE, cluster = NONE; // rows, and the cluster looked at
  let coloring = "cluster";
  let dark = false;
  let ink = "#000", paper = "#fff", accent = "#00f";

  function unpack(text, Type) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Type(bytes.buffer);
  }

  /* From 0 for the rarest word to 1 for the most frequent one. */
  function prominences() {
    const value = counts ? (row) => Math.log(Math.max(1, counts[row])) : (row) => -Math.log(row + 1);
    let low = Infinity, high = -Infinity;
    for (let row = 0; row < total; row++) {
      low = Math.min(low, value(row));
      high = Math.max(high, value(row));
    }
    const span = high - low || 1;
    return Float32Array.from(words, (_, row) => (value(row) - low) / span);
  }

  /* The part of the map that all but a few words are in. */
  function middle() {
    const range = (axis) => {
      const sorted = Uint16Array.from(words, (_, row) => places[2 * row + axis]).sort();
      const few = Math.floor(total / 500);
      const [low, high] = [sorted[few], sorted[total - 1 - few]];
      return [(low + high) / 2, Math.max(1, high - low)];
    };
    const [[x, across], [y, up]] = [range(0), range(1)];
    return { x, y, across, up };
  }

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  /* A word in an element of its own, so that its direction does not turn what is around it. */
  const wordElement = (row) => make("bdi", { textContent: words[row] });
  const number = (value) => value.toLocaleString("en");
  const clusterName = (which) => clusterNames[which].map((row) => words[row]).join(", ");

  function clamp(value, low, high) {
    return Math.min(Math.max(value, low), high);
  }

  // Colors ------------------------------------------------------------------------------------

  const RAMPS = {
    light: ["#b9cbe3", "#7fa5d8", "#4379c4", "#1d4c9e", "#0a1f5c"],
    dark: ["#34466b", "#44699f", "#5f9bd6", "#9bcbf2", "#f2f8ff"],
  };

  function clusterColor(which) {
    const hue = (360 * which) / clusterNames.length + 12;
    // Neighbors differ in lightness as well; yellow and green look lighter than they are.
    const bright = hue % 360 > 40 && hue % 360 < 190 ? -8 : 0;
    const lightness = (dark ? 62 : 47) + (which % 2 ? 9 : -5) + bright;
    return hex(hue % 360, which % 2 ? 0.58 : 0.72, lightness / 100);
  }

  function hex(hue, saturation, lightness) {
    const part = (n) => {
      const k = (n + hue / 30) % 12;
      const a = saturation * Math.min(lightness, 1 - lightness);
      const value = lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1));
      return Math.round(255 * value).toString(16).padStart(2, "0");
    };
    return `#${part(0)}${part(8)}${part(4)}`;
  }

  function rampColor(share) {
    const stops = RAMPS[dark ? "dark" : "light"];
    const at = clamp(share, 0, 1) * (stops.length - 1);
    const first = Math.min(Math.floor(at), stops.length - 2);
    const mix = (i) => {
      const [a, b] = [stops[first], stops[first + 1]].map((c) => parseInt(c.slice(i, i + 2), 16));
      return Math.round(a + (b - a) * (at - first)).toString(16).padStart(2, "0");
    };
    return `#${mix(1)}${mix(3)}${mix(5)}`;
  }

  const colorShare = (row) => Math.sqrt(prominence[row]); // else nearly all are at the low end

  function colorsOfPoints() {
    const muted = dark ? "#262b33" : "#e9ebee";
    const ofClusters = clusterNames.map((_, which) => clusterColor(which));
    const ofRamp = Array.from({ length: 65 }, (_, step) => rampColor(step / 64));
    return (row) => {
      if (cluster !== NONE && clusters[row] !== cluster) return muted;
      return coloring === "cluster"
        ? ofClusters[clusters[row]]
        : ofRamp[Math.round(64 * colorShare(row))];
    };
  }

  // Points ------------------------------------------------------------------------------------

  const source = new Bokeh.ColumnDataSource({ data: {} });
  const xRange = new Bokeh.Range1d({ start: 0, end: 1 });
  const yRange = new Bokeh.Range1d({ start: 0, end: 1 });
  let drawn = null; // the view that the points show now
  let asked = null; // that which they are being drawn for
  let drawnSize = 0;
  let busy = false;
  let cost = 0;
  let waiting = 0;

  function startDrawing() {
    const plot = Bokeh.Plotting.figure({
      output_backend: "webgl", sizing_mode: "stretch_both", tools: "", toolbar_location: null,
      x_axis_type: null, y_axis_type: null, x_range: xRange, y_range: yRange, min_border: 0,
      outline_line_color: null, background_fill_color: null, border_fill_color: null,
    });
    plot.xgrid.visible = false;
    plot.ygrid.visible = false;
    fillSource();
    plot.scatter({ field: "x" }, { field: "y" }, {
      source, size: { field: "size" }, color: { field: "color" }, line_color: null,
      alpha: total > 5000 ? 0.75 : 0.9,
    });
    ask();
    Bokeh.Plotting.show(plot, $("points")).then((shown) => {
      shown.repainted.connect(onRepainted);
      onRepainted();
      changed(); // the view may be another one by now
      $("loading").hidden = true;
      document.documentElement.dataset.ready = "true";
    });
  }

  /* Points grow a little as one zooms in, and frequent words have larger ones. */
  function pointSize() {
    const step = Math.round(4 * Math.log2(view.k / whole)) / 4;
    return clamp(Math.sqrt(50000 / total), 1, 3) * clamp(2 ** (0.45 * step), 1, 4);
  }

  function fillSource() {
    const color = colorsOfPoints();
    const scale = pointSize();
    const x = new Float32Array(total), y = new Float32Array(total), size = new Float32Array(total);
    const colors = new Array(total);
    // The most frequent words come last, on top of the others; so does the cluster looked at.
    let at = 0;
    const add = (row) => {
      x[at] = places[2 * row];
      y[at] = places[2 * row + 1];
      size[at] = scale * (2.4 + 5 * prominence[row] ** 1.5);
      colors[at] = color(row);
      at += 1;
    };
    for (let row = total - 1; row >= 0; row--) {
      if (cluster === NONE || clusters[row] !== cluster) add(row);
    }
    for (let row = total - 1; row >= 0 && cluster !== NONE; row--) {
      if (clusters[row] === cluster) add(row);
    }
    drawnSize = scale;
    source.data = { x, y, size, color: colors };
  }

  /* Have the points drawn for the present view. */
  function ask() {
    asked = { ...view, width, height };
    const across = (width / 2 + MARGIN) / view.k, up = (height / 2 + MARGIN) / view.k;
    xRange.setv({ start: view.x - across, end: view.x + across });
    yRange.setv({ start: view.y - up, end: view.y + up });
  }

  /* What was drawn is moved and scaled at once, whatever drawing anew costs on this machine. */
  function placePoints() {
    if (!drawn) return;
    const scale = view.k / drawn.k;
    const right = (drawn.x - view.x) * view.k, down = (view.y - drawn.y) * view.k;
    const isSame = Math.abs(scale - 1) < 1e-9 && Math.abs(right) + Math.abs(down) < 0.01;
    $("points").style.transform = isSame ? "" : `translate(${right}px,${down}px) scale(${scale})`;
  }

  function onRepainted() {
    drawn = { ...asked };
    placePoints();
  }

  const isDrawn = () =>
    drawn && drawn.x === view.x && drawn.y === view.y && drawn.k === view.k &&
    drawn.width === width && drawn.height === height && drawnSize === pointSize();

  function drawPoints(isAtRest = false) {
    if (busy || isDrawn() || !drawn) return;
    clearTimeout(waiting);
    if (!isAtRest) waiting = setTimeout(drawPoints, REST, true);
    if (!isAtRest && cost > SLOW) return;
    busy = true;
    if (isAtRest && drawnSize !== pointSize()) fillSource();
    ask();
    watch(performance.now(), 0, WATCHED);
  }

  /* The graphics card is at work after the call: its cost is the longest wait for a frame. */
  function watch(last, longest, frames) {
    requestAnimationFrame(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      if (frames > 1) {
        watch(now, longest, frames - 1);
        return;
      }
      cost = longest;
      busy = false;
      if (!isDrawn()) waiting = setTimeout(drawPoints, REST, true);
    });
  }

  // View --------------------------------------------------------------------------------------

  let frame = 0;

  function changed() {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      placePoints();
      placeTip();
      drawOverlay();
      drawPoints();
    });
  }

  function look(x, y, k) {
    view = {
      x: clamp(x, 0, data.width), y: clamp(y, 0, data.height),
      k: clamp(k, smallest, whole * DEEPEST),
    };
    if ($("list").open && $("list-view").checked) relist();
    changed();
  }

  function zoom(factor, px = width / 2, py = height / 2) {
    const k = clamp(view.k * factor, smallest, whole * DEEPEST);
    const [x, y] = unitAt(px, py);
    look(x - (px - width / 2) / k, y + (py - height / 2) / k, k);
  }

  let flight = 0;

  function fly(x, y, k) {
    cancelAnimationFrame(flight);
    const from = view, start = performance.now();
    const step = (now) => {
      const t = calm.matches ? 1 : clamp((now - start) / 350, 0, 1);
      const eased = t * t * (3 - 2 * t);
      const mix = (a, b) => a + (b - a) * eased;
      look(mix(from.x, x), mix(from.y, y), Math.exp(mix(Math.log(from.k), Math.log(k))));
      if (t < 1) flight = requestAnimationFrame(step);
    };
    step(start);
    if (!calm.matches) flight = requestAnimationFrame(step);
  }

  const showAll = () => fly(home.x, home.y, whole);
  const pixel = (row) => [
    (places[2 * row] - view.x) * view.k + width / 2,
    height / 2 - (places[2 * row + 1] - view.y) * view.k,
  ];
  const unitAt = (px, py) => [
    (px - width / 2) / view.k + view.x, (height / 2 - py) / view.k + view.y,
  ];

  function isVisible(row, margin = 0) {
    const [x, y] = pixel(row);
    return x >= margin && y >= margin && x <= width - margin && y <= height - margin;
  }

  /* Show a word and its neighbors together. */
  function showWord(row) {
    const rows = [row, ...neighborsOf(row)];
    const xs = rows.map((r) => places[2 * r]), ys = rows.map((r) => places[2 * r + 1]);
    const span = (values, middle) => 2 * Math.max(...values.map((v) => Math.abs(v - middle)), 1);
    const [x, y] = [places[2 * row], places[2 * row + 1]];
    const k = Math.min(width / span(xs, x), height / span(ys, y)) * 0.8;
    fly(x, y, clamp(k, whole * 1.5, whole * 14));
  }

  const neighborsOf = (row) => neighbors.subarray(row * each, (row + 1) * each);

  // Which word is where: words sorted by the cell of a grid that they are in ---------------------

  const CELLS = 256;
  const cellSize = 65536 / CELLS;
  const cellOf = (row) =>
    Math.floor(places[2 * row + 1] / cellSize) * CELLS + Math.floor(places[2 * row] / cellSize);
  const cellStart = new Uint32Array(CELLS * CELLS + 1);
  const inCells = new Uint32Array(total);
  for (let row = 0; row < total; row++) cellStart[cellOf(row) + 1] += 1;
  for (let cell = 0; cell < CELLS * CELLS; cell++) cellStart[cell + 1] += cellStart[cell];
  const filled = cellStart.slice();
  for (let row = 0; row < total; row++) inCells[filled[cellOf(row)]++] = row;

  /* The word nearest to a pixel, or NONE. */
  function wordAt(px, py, reach = REACH) {
    const [x, y] = unitAt(px, py);
    const far = reach / view.k;
    const cell = (value) => clamp(Math.floor(value / cellSize), 0, CELLS - 1);
    let best = NONE, least = far * far;
    for (let cy = cell(y - far); cy <= cell(y + far); cy++) {
      const first = cellStart[cy * CELLS + cell(x - far)];
      const end = cellStart[cy * CELLS + cell(x + far) + 1];
      for (let i = first; i < end; i++) {
        const row = inCells[i];
        if (cluster !== NONE && clusters[row] !== cluster) continue;
        const distance = (places[2 * row] - x) ** 2 + (places[2 * row + 1] - y) ** 2;
        if (distance < least || (distance === least && row < best)) [best, least] = [row, distance];
      }
    }
    return best;
  }

  // Labels ------------------------------------------------------------------------------------

  const FONT = getComputedStyle(document.body).fontFamily;
  const textWidths = new Map(); // in a font of one pixel

  function shown(row) {
    const word = words[row];
    return word.length > 32 ? `${word.slice(0, 31)}…` : word;
  }

  function textWidth(row) {
    if (!textWidths.has(row)) {
      pen.font = `100px ${FONT}`;
      textWidths.set(row, pen.measureText(shown(row)).width / 100);
    }
    return textWidths.get(row);
  }

  function drawOverlay() {
    const ratio = devicePixelRatio || 1;
    if (overlay.width !== Math.round(width * ratio) || overlay.height !== Math.round(height * ratio)) {
      overlay.width = Math.round(width * ratio);
      overlay.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    pen.lineJoin = "round";
    const near = selected === NONE ? [] : [...neighborsOf(selected)];
    for (const row of near) line(selected, row);
    for (const row of near) ring(row, 4.5, 1.5);
    if (selected !== NONE) ring(selected, 7, 3);
    if (hovered !== NONE) ring(hovered, 7, 2);
    drawLabels(near);
    if (document.activeElement === overlay && overlay.matches(":focus-visible")) crosshair();
  }

  function drawLabels(near) {
    const taken = [];
    const special = new Set([selected, ...near]);
    if (selected !== NONE) label(selected, 17, taken, true, true);
    for (const row of near) label(row, 14, taken, true, false);
    let placed = 0;
    const most = Math.min(LABELS, (width * height) / 5000);
    for (let row = 0, tried = 0; row < total && placed < most && tried < CANDIDATES; row++) {
      if (special.has(row) || !isVisible(row)) continue;
      if (cluster !== NONE && clusters[row] !== cluster) continue;
      tried += 1;
      if (label(row, 11.5 + 4 * prominence[row], taken, false, false)) placed += 1;
    }
  }

  /* Write a word over its point unless that is on top of another one. */
  function label(row, size, taken, isSpecial, isForced) {
    const [x, y] = pixel(row);
    const half = (textWidth(row) * size) / 2;
    const gap = isSpecial ? 4 : 6;
    const box = [x - half - gap, y - 8 - size, x + half + gap, y - 3];
    const isFree = taken.every(
      (other) => box[0] > other[2] || box[2] < other[0] || box[1] > other[3] || box[3] < other[1],
    );
    if (!isFree && !isForced) return false;
    taken.push(box);
    pen.globalAlpha = selected !== NONE && !isSpecial ? 0.55 : 1;
    pen.font = `${isForced ? 700 : isSpecial ? 600 : 500} ${size}px ${FONT}`;
    pen.lineWidth = 3.5;
    pen.strokeStyle = paper;
    pen.strokeText(shown(row), x, y - 7);
    pen.fillStyle = ink;
    pen.fillText(shown(row), x, y - 7);
    pen.globalAlpha = 1;
    return true;
  }

  function line(a, b) {
    pen.beginPath();
    pen.moveTo(...pixel(a));
    pen.lineTo(...pixel(b));
    pen.lineWidth = 1.5;
    pen.strokeStyle = accent;
    pen.globalAlpha = 0.75;
    pen.stroke();
    pen.globalAlpha = 1;
  }

  function ring(row, radius, thickness) {
    const [x, y] = pixel(row);
    for (const [color, extra] of [[paper, 2.5], [accent, 0]]) {
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.lineWidth = thickness + extra;
      pen.strokeStyle = color;
      pen.stroke();
    }
  }

  function crosshair() {
    pen.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(width / 2 + 5 * dx, height / 2 + 5 * dy);
      pen.lineTo(width / 2 + 16 * dx, height / 2 + 16 * dy);
    }
    pen.lineWidth = 2;
    pen.strokeStyle = ink;
    pen.stroke();
  }

  // Pointer and keys on the map ------------------------------------------------------------------

  const pointers = new Map();
  let travelled = 0;

  const at = (event) => {
    const box = overlay.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  overlay.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    cancelAnimationFrame(flight);
    overlay.setPointerCapture(event.pointerId);
    if (!pointers.size) travelled = 0;
    pointers.set(event.pointerId, at(event));
    overlay.classList.add("moving");
  });

  overlay.addEventListener("pointermove", (event) => {
    const [px, py] = at(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      hover(event.pointerType === "touch" ? NONE : wordAt(px, py));
      return;
    }
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
    pointers.set(event.pointerId, [px, py]);
    travelled += Math.hypot(px - before[0], py - before[1]);
    if (travelled < 4) return; // a click of an unsteady hand
    hover(NONE);
    if (others.length) {
      const [ox, oy] = others[0];
      const spread = (p) => Math.max(8, Math.hypot(p[0] - ox, p[1] - oy));
      zoom(spread([px, py]) / spread(before), (px + ox) / 2, (py + oy) / 2);
    }
    const share = others.length ? 0.5 : 1;
    look(view.x - (share * (px - before[0])) / view.k, view.y + (share * (py - before[1])) / view.k,
      view.k);
  });

  function release(event) {
    const was = pointers.get(event.pointerId);
    pointers.delete(event.pointerId);
    if (!pointers.size) overlay.classList.remove("moving");
    if (event.type === "pointerup" && was && travelled < 4) {
      const row = wordAt(...at(event), event.pointerType === "touch" ? 24 : REACH);
      if (row === NONE) clear();
      else select(row, { focus: false, move: false });
    }
  }
  overlay.addEventListener("pointerup", release);
  overlay.addEventListener("pointercancel", release);
  overlay.addEventListener("pointerleave", () => hover(NONE));
  overlay.addEventListener("dblclick", (event) => zoom(2, ...at(event)));
  overlay.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 400 : 1);
    zoom(Math.exp(clamp(-pixels * (event.ctrlKey ? 0.01 : 0.0018), -0.5, 0.5)), ...at(event));
  }, { passive: false });

  overlay.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = (event.shiftKey ? 240 : 60) / view.k;
    const moves = {
      ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far],
    };
    if (moves[event.key]) {
      look(view.x + moves[event.key][0], view.y + moves[event.key][1], view.k);
    } else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0" || event.key === "Home") showAll();
    else if (event.key === "Escape") clear();
    else if (event.key === "Enter" || event.key === " ") {
      const row = wordAt(width / 2, height / 2, Math.hypot(width, height));
      if (row !== NONE) select(row, { focus: true, move: false });
    } else return;
    event.preventDefault();
    const middle = wordAt(width / 2, height / 2, 40);
    hover(selected === NONE ? middle : NONE);
  });
  overlay.addEventListener("focus", changed);
  overlay.addEventListener("blur", () => hover(NONE));
  overlay.addEventListener("blur", changed);

  function hover(row) {
    if (row === hovered) return;
    hovered = row;
    overlay.classList.toggle("over", row !== NONE);
    tip.hidden = row === NONE;
    if (row !== NONE) tip.replaceChildren(make("b", {}, wordElement(row)), factsOf(row));
    changed();
  }

  function placeTip() {
    if (hovered === NONE) return;
    tip.hidden = !isVisible(hovered);
    const [x, y] = pixel(hovered);
    tip.style.left = `${clamp(x + 14, 4, Math.max(4, width - tip.offsetWidth - 4))}px`;
    const isBelow = y + 14 + tip.offsetHeight < height;
    tip.style.top = `${isBelow ? y + 14 : y - 14 - tip.offsetHeight}px`;
  }

  // The word ----------------------------------------------------------------------------------

  function factsOf(row) {
    const times = counts ? [`${number(counts[row])} times in the text`] : [];
    return [...times, `rank ${number(row + 1)}`].join(", ");
  }

  function select(row, { focus = true, move = true, remember = true } = {}) {
    selected = row;
    if (cluster !== NONE && clusters[row] !== cluster) lookAtCluster(NONE);
    $("welcome").hidden = true;
    $("word").hidden = false;
    $("word-name").replaceChildren(wordElement(row));
    $("word-facts").textContent = `${factsOf(row)}; cluster “${clusterName(clusters[row])}”`;
    $("near").replaceChildren(...[...neighborsOf(row)].map((near, place) => {
      const similarity = similarities[row * each + place] / parts;
      const bar = make("span", { className: "bar" });
      bar.style.width = `calc(${100 * clamp(similarity, 0, 1)}% - 16px)`;
      const button = make("button", { type: "button" },
        make("span", {}, wordElement(near)),
        make("span", { className: "number", textContent: similarity.toFixed(2),
          title: "cosine similarity" }), bar);
      button.addEventListener("click", () => select(near));
      button.addEventListener("pointerenter", () => hover(near));
      button.addEventListener("pointerleave", () => hover(NONE));
      return make("li", {}, button);
    }));
    hover(NONE);
    $("map").classList.add("chosen");
    if (move) showWord(row);
    const names = [...neighborsOf(row)].map((near) => words[near]).join(", ");
    say(names ? `${words[row]}. Nearest words: ${names}` : words[row]);
    if (focus) {
      $("word-name").focus({ preventScroll: true });
      $("word-name").closest("aside").scrollTop = 0;
    }
    if (remember) setAddress(row);
    changed();
  }

  function clear() {
    if (selected === NONE) return;
    const hadFocus = $("word").contains(document.activeElement);
    selected = NONE;
    $("map").classList.remove("chosen");
    $("word").hidden = true;
    $("welcome").hidden = false;
    if (hadFocus) $("search").focus();
    if (location.hash.startsWith("#word=")) location.hash = "";
    changed();
  }

  /* The address names the word, so that one can go back, and keep it. */
  function setAddress(row) {
    try {
      const address = `#word=${encodeURIComponent(words[row])}`;
      if (location.hash !== address) location.hash = address;
    } catch {
      // Half a surrogate pair has no address.
    }
  }

  function followAddress() {
    if (!location.hash.startsWith("#word=")) return;
    let word = "";
    try {
      word = decodeURIComponent(location.hash.slice(6));
    } catch {
      return;
    }
    const row = words.indexOf(word);
    if (row !== NONE && row !== selected) select(row, { remember: false, focus: false });
  }

  const say = (text) => { $("status").textContent = text; };

  $("word-show").addEventListener("click", () => showWord(selected));
  $("word-close").addEventListener("click", clear);
  addEventListener("hashchange", followAddress);

  // Search ------------------------------------------------------------------------------------

  const search = $("search"), suggestions = $("suggestions");
  let found = [], active = NONE;

  /* Words that begin with the text, then those that contain it, else those spelled alike. */
  function find(text, most = 10) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    const exact = [], first = [], inside = [];
    for (let row = 0; row < total; row++) {
      const at = lower[row].indexOf(wanted);
      if (at === 0) (lower[row] === wanted ? exact : first).push(row);
      else if (at > 0 && inside.length < most) inside.push(row);
    }
    // Of words that differ in case only, that which was typed.
    exact.sort((a, b) => (words[b] === text.trim()) - (words[a] === text.trim()));
    const all = [...exact, ...first, ...inside].slice(0, most);
    return all.length ? all : alike(wanted, most);
  }

  function alike(wanted, most) {
    const worst = wanted.length < 5 ? 1 : 2;
    const close = [];
    for (let row = 0; row < total; row++) {
      if (Math.abs(lower[row].length - wanted.length) > worst) continue;
      const edits = distance(wanted, lower[row], worst);
      if (edits <= worst) close.push([edits, row]);
    }
    return close.sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, most).map(([, row]) => row);
  }

  /* How many letters have to be changed, added, left out or swapped, if no more than `worst`. */
  function distance(a, b, worst) {
    let older = [], old = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i++) {
      const now = [i];
      for (let j = 1; j <= b.length; j++) {
        const same = a[i - 1] === b[j - 1] ? 0 : 1;
        now[j] = Math.min(old[j] + 1, now[j - 1] + 1, old[j - 1] + same);
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
          now[j] = Math.min(now[j], older[j - 2] + 1);
        }
      }
      if (Math.min(...now) > worst) return worst + 1;
      [older, old] = [old, now];
    }
    return old[b.length];
  }

  function suggest() {
    found = find(search.value);
    active = NONE;
    const options = found.map((row, place) => {
      const option = make("li", { id: `suggestion-${place}` }, wordElement(row),
        make("span", { className: "number", textContent: counts ? number(counts[row]) : "" }));
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.addEventListener("pointerdown", (event) => event.preventDefault());
      option.addEventListener("click", () => choose(row));
      return option;
    });
    const text = search.value.trim();
    const isNone = Boolean(text) && !found.length;
    if (isNone) {
      const option = make("li", { className: "none", textContent: "No such word" });
      option.setAttribute("role", "option");
      option.setAttribute("aria-disabled", "true");
      options.push(option);
    }
    suggestions.replaceChildren(...options);
    suggestions.hidden = !options.length;
    search.setAttribute("aria-expanded", String(Boolean(found.length)));
    search.removeAttribute("aria-activedescendant");
    if (isNone) say(`No word is like ${text}`);
    else if (found.length) say(`${found.length} suggestions`);
  }

  function activate(place) {
    active = place;
    [...suggestions.children].forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === place));
      if (i === place) option.scrollIntoView({ block: "nearest" });
    });
    if (place === NONE) search.removeAttribute("aria-activedescendant");
    else search.setAttribute("aria-activedescendant", `suggestion-${place}`);
  }

  function closeSuggestions() {
    suggestions.hidden = true;
    search.setAttribute("aria-expanded", "false");
    activate(NONE);
  }

  function choose(row) {
    search.value = words[row];
    closeSuggestions();
    select(row);
  }

  search.addEventListener("input", suggest);
  search.addEventListener("focus", () => search.select());
  search.addEventListener("blur", closeSuggestions);
  search.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (suggestions.hidden) suggest();
      if (!found.length) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      // One place before the first option is the box itself.
      activate(((active + 1 + step + found.length + 1) % (found.length + 1)) - 1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (suggestions.hidden) suggest();
      if (found.length) choose(found[Math.max(active, 0)]);
    } else if (event.key === "Escape") {
      if (suggestions.hidden) search.value = "";
      closeSuggestions();
    }
  });
  addEventListener("keydown", (event) => {
    const isTyping = event.target.matches?.("input[type=text], select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    }
  });

  // Legend, list, theme ---------------------------------------------------------------------------

  function legend() {
    $("legend-title").textContent = coloring === "cluster" ? "Clusters" : $("by").textContent;
    $("clusters").hidden = coloring !== "cluster";
    $("ramp").hidden = coloring === "cluster";
    const stops = Array.from({ length: 9 }, (_, i) => rampColor(i / 8)).join(", ");
    $("ramp-colors").style.background = `linear-gradient(to right, ${stops})`;
    const [low, high] = counts
      ? [number(Math.min(counts[total - 1], counts[0])), number(Math.max(counts[0], counts[total - 1]))]
      : ["last", "first"];
    $("ramp-low").textContent = low;
    $("ramp-high").textContent = high;
    $("ramp-colors").setAttribute("aria-label", `From ${low} to ${high}`);
    $("clusters").replaceChildren(...clusterNames.map((_, which) => {
      const swatch = make("span", { className: "swatch" });
      swatch.style.background = clusterColor(which);
      const button = make("button", { type: "button" }, swatch,
        make("span", { className: "name" }, make("bdi", { textContent: clusterName(which) })),
        make("span", { className: "number", textContent: number(clusterSizes[which]) }));
      button.setAttribute("aria-pressed", String(which === cluster));
      button.addEventListener("click", () => {
        lookAtCluster(which === cluster ? NONE : which);
        $("clusters").querySelectorAll("button")[which].focus();
      });
      return make("li", {}, button);
    }));
  }

  const clusterSizes = clusterNames.map(() => 0);
  for (const which of clusters) clusterSizes[which] += 1;

  function lookAtCluster(which) {
    cluster = which;
    recolor();
    listFrom = 0;
    relist();
  }

  function recolor() {
    legend();
    fillSource();
    changed();
  }

  let listFrom = 0;

  function relist() {
    if (!$("list").open) return;
    const rows = [];
    const inView = $("list-view").checked;
    for (let row = 0; row < total; row++) {
      if (cluster !== NONE && clusters[row] !== cluster) continue;
      if (!inView || isVisible(row)) rows.push(row);
    }
    listFrom = clamp(listFrom, 0, Math.max(0, Math.floor((rows.length - 1) / PAGE) * PAGE));
    const page = rows.slice(listFrom, listFrom + PAGE);
    $("list-words").replaceChildren(...page.map((row) => {
      const button = make("button", { type: "button" }, make("span", {}, wordElement(row)),
        make("span", { className: "number", textContent: counts ? number(counts[row]) : "" }));
      button.addEventListener("click", () => select(row));
      return make("li", { value: row + 1 }, button);
    }));
    $("list-back").disabled = listFrom === 0;
    $("list-next").disabled = listFrom + PAGE >= rows.length;
    $("list-where").textContent = rows.length
      ? `${number(listFrom + 1)}–${number(listFrom + page.length)} of ${number(rows.length)}`
      : "none";
  }

  $("list").addEventListener("toggle", relist);
  $("list-view").addEventListener("change", () => { listFrom = 0; relist(); });
  $("list-back").addEventListener("click", () => { listFrom -= PAGE; relist(); });
  $("list-next").addEventListener("click", () => { listFrom += PAGE; relist(); });
  $("zoom-in").addEventListener("click", () => zoom(1.6));
  $("zoom-out").addEventListener("click", () => zoom(1 / 1.6));
  $("zoom-all").addEventListener("click", showAll);
  document.querySelectorAll("input[name=color]").forEach((input) =>
    input.addEventListener("change", () => {
      coloring = input.value;
      recolor();
    }));

  const kept = {
    // Some browsers keep nothing for pages from a disk.
    get: () => { try { return localStorage.getItem("xw2v-theme"); } catch { return null; } },
    set: (theme) => { try { localStorage.setItem("xw2v-theme", theme); } catch { /* no matter */ } },
  };

  function applyTheme() {
    const theme = $("theme").value;
    document.documentElement.dataset.theme = theme;
    dark = theme === "dark" || (theme === "auto" && night.matches);
    const style = getComputedStyle(document.body);
    [ink, paper] = [style.color, style.backgroundColor];
    accent = getComputedStyle(document.querySelector(".skip")).color;
    recolor();
  }

  $("theme").addEventListener("change", () => {
    kept.set($("theme").value);
    applyTheme();
  });
  night.addEventListener("change", applyTheme);

  // Start -------------------------------------------------------------------------------------

  function measure() {
    const box = $("map").getBoundingClientRect();
    const share = view.k / whole;
    [width, height] = [Math.max(1, box.width), Math.max(1, box.height)];
    whole = 0.86 * Math.min(width / home.across, height / home.up);
    smallest = 0.7 * Math.min(whole, width / data.width, height / data.height);
    view = { ...view, k: whole * share };
    drawPoints(true);
    changed();
  }

  if (["light", "dark"].includes(kept.get())) $("theme").value = kept.get();
  $("by").textContent = counts ? "Frequency" : "Order";
  $("about").textContent =
    (total === data.vocabulary ? "All" : `The ${counts ? "" : "first "}${number(total)} ` +
    `${counts ? "most frequent " : ""}of`) + ` ${number(data.vocabulary)} words, ${number(data.vectorSize)} dimensions, laid out by ` +
    `${data.layout}.`;
  Object.assign(view, { x: home.x, y: home.y });
  measure();
  applyTheme();
  startDrawing();
  new ResizeObserver(measure).observe($("map"));
  followAddress();

  // For scripts, and tests: where words are on the screen, and what is shown.
  window.wordMap = {
    words,
    position: (word) => {
      const [x, y] = pixel(words.indexOf(word));
      const box = overlay.getBoundingClientRect();
      return { x: x + box.left, y: y + box.top };
    },
    get view() { return { ...view, zoom: view.k / whole }; },
    get isDrawn() { return !busy && Boolean(isDrawn()); },
    get selected() { return selected === NONE ? null : words[selected]; },
  };
})();
