
"use strict";
// The page of a report. In: the JSON document in the element `report` (report.schema.json). Out: its DOM.
// All text of the document goes through `shown` into text nodes and attributes that are never links or markup.
(() => {
const report = JSON.parse(document.getElementById("report").textContent);
const find = id => document.getElementById(id);
const NARROW = matchMedia("(max-width: 1100px)"), PHONE = matchMedia("(max-width: 760px)");
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const UNKNOWN = "not known";
const SVG = "http://www.w3.org/2000/svg";
const MOST_SIDES = 4; // Locks side by side; of more, the view of locks chooses.
const state = {
  lock: 0, sides: report.locks.map((_, number) => number).slice(0, MOST_SIDES), view: report.locks.length > MOST_SIDES ? "locks" : "image",
  query: "", category: null, measure: "download_bytes", colour: "item",
  sort: { key: "download_bytes", descends: true }, selected: null, isSheet: false, onlyDifferences: true, showsAll: false,
};

// ---- Text and elements

/** The text with control, format and separator characters as escapes, as on a terminal. */
function shown(text) {
  return String(text).replace(UNSAFE, one => "\\u{" + one.codePointAt(0).toString(16) + "}");
}

/** A new element. Strings among the children become text; of the options, functions are listeners, the rest attributes. */
function h(tag, options, ...children) {
  const element = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : shown(value));
  }
  element.append(...children.flat(3).filter(one => one !== null && one !== undefined && one !== false)
    .map(one => one instanceof Node ? one : shown(one)));
  return element;
}

/** A size in decimal units with three digits, as `lock sizes` prints it. */
function bytes(size) {
  if (size === null || size === undefined) return "?";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = size, unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) { value /= 1000; unit += 1; }
  return value.toFixed(unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2) + " " + units[unit];
}

function difference(size) { return size === 0 ? "±0" : (size > 0 ? "+" : "−") + bytes(Math.abs(size)); }
function percent(part, whole) {
  const value = whole ? 100 * part / whole : 0;
  return value >= 10 ? value.toFixed(0) + " %" : value >= 0.1 ? value.toFixed(1) + " %" : "< 0.1 %";
}
function count(number, one, many) { return number + " " + (number === 1 ? one : many || one + "s"); }
const compareTexts = new Intl.Collator("en", { numeric: true }).compare;
function withoutScheme(url) { return url.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "").replace(/\/$/, ""); }
function withoutSimple(url) { return withoutScheme(url).replace(/\/simple$/, ""); }

// ---- The model of a lock: what the document implies, worked out once

const models = [];
function modelOf(number) { return models[number] || (models[number] = buildModel(report.locks[number])); }
function current() { return modelOf(state.lock); }

function buildModel(lock) {
  const byName = new Map(), parents = new Map();
  for (const pin of lock.pins) {
    if (!byName.has(pin.name)) byName.set(pin.name, pin);
    parents.set(pin.name, new Map());
  }
  for (const pin of lock.pins) {
    for (const name of pin.dependencies) parents.get(name)?.set(pin.name, "");
  }
  for (const pin of lock.pins) {
    const above = parents.get(pin.name);
    for (const request of pin.requested_by) {
      if (request.name !== null) above.set(request.name, [above.get(request.name), request.asked].filter(Boolean).join(", "));
    }
  }
  const model = { lock, byName, parents, ...findWays(lock, byName), pins: [] };
  model.pins = lock.pins.map(pin => ({
    ...pin, from: fromOf(pin), askedBy: askedOf(pin),
    words: [pin.name, pin.version, pin.cuda, pin.licence, fromOf(pin), pin.item, ...pin.requested_by.map(one => one.asked)]
      .filter(Boolean).join("\n").toLowerCase(),
  }));
  for (const pin of [...model.pins].reverse()) byName.set(pin.name, pin);
  return model;
}

/** By name the pin above on the shortest way from the list; null for items of the list. Pins that no way leads to are absent. */
function findWays(lock, byName) {
  const above = new Map(), depth = new Map(), waiting = [];
  for (const name of lock.items) if (byName.has(name)) { above.set(name, null); depth.set(name, 0); waiting.push(name); }
  for (let at = 0; at < waiting.length; at += 1) {
    for (const name of byName.get(waiting[at]).dependencies) {
      if (byName.has(name) && !above.has(name)) {
        above.set(name, waiting[at]);
        depth.set(name, depth.get(waiting[at]) + 1);
        waiting.push(name);
      }
    }
  }
  return { above, depth };
}

function fromOf(pin) {
  if (pin.origin === "index") return withoutSimple(pin.place || "");
  return pin.place ? pin.origin + " " + withoutScheme(pin.place) : pin.origin;
}
function askedOf(pin) {
  const pinNames = [...new Set(pin.requested_by.filter(one => one.name !== null).map(one => one.name))];
  const first = pin.requested_by.some(one => one.layer !== null) ? ["the list"] : pin.requested_by.some(one => one.name === null) ? ["a constraint"] : [];
  const all = [...first, ...pinNames];
  return all.length > 2 ? all[0] + " +" + (all.length - 1) : all.join(", ");
}

/** The names from an item of the list to a pin, or null where no way leads to it. */
function wayTo(model, name) {
  if (!model.above.has(name)) return null;
  const names = [];
  for (let at = name; at !== null; at = model.above.get(at)) names.push(at);
  return names.reverse();
}

/** For each pin that asks for this one, the shortest way over it; first the line of the list itself. Shortest first. */
function waysTo(model, name) {
  const ways = model.depth.get(name) === 0 ? [[name]] : [];
  for (const parent of model.parents.get(name).keys()) {
    const way = wayTo(model, parent);
    if (way && !way.includes(name)) ways.push([...way, name]);
  }
  return ways.sort((one, other) => one.length - other.length || compareTexts(one.join(" "), other.join(" ")));
}

function lineFor(pin) { return pin.requested_by.filter(one => one.layer !== null).map(one => one.asked).join(", "); }

// ---- Search

function matches(pin) {
  return (state.category === null || categoryOf(pin) === state.category) && matchesQuery(pin.words);
}
let queryWords = [];
function matchesQuery(words) { return queryWords.every(word => words.includes(word)); }

/** The names of the pins that match: the name itself, names that begin with the first word or have it, then the others. */
function findPins() {
  const word = queryWords[0] || "";
  const rank = name => name === word ? 0 : name.startsWith(word) ? 1 : name.includes(word) ? 2 : 3;
  return [...new Set(current().pins.filter(matches).map(pin => pin.name))].sort((one, other) => rank(one) - rank(other));
}

// ---- Categories and their colours

const COLOURS = {
  item: ["What brings it", pin => pin.item ?? "several items"],
  cuda: ["CUDA label", pin => pin.cuda ?? "no label"],
  from: ["Index", pin => pin.origin === "index" ? pin.from : pin.origin],
  layer: ["Layer", pin => "layer " + pin.layer],
  licence: ["Licence", pin => pin.licence ?? UNKNOWN],
};
const QUIET = new Set(["several items", "no label", UNKNOWN]);
function categoryOf(pin) { return COLOURS[state.colour][1](pin); }

/** The categories of the lock, largest first, with the class of their colour; from the ninth on they share one. */
function listCategories(model) {
  const sizes = new Map();
  for (const pin of model.pins) sizes.set(categoryOf(pin), (sizes.get(categoryOf(pin)) || 0) + (pin[state.measure] || 0));
  const sorted = [...sizes].sort((one, other) => other[1] - one[1] || compareTexts(one[0], other[0]));
  let used = 0;
  return sorted.map(([name, size]) => ({ name, size, colour: QUIET.has(name) || used >= 8 ? "rest" : "c" + used++ }));
}

// ---- Header

function renderHeader() {
  const lock = current().lock, isAll = state.view === "locks";
  document.body.dataset.view = state.view;
  find("lock").value = String(state.lock);
  find("title").textContent = isAll ? count(report.locks.length, "lock") : shown(lock.source ? lock.source + " " : lock.lockfile);
  if (lock.source && !isAll) find("title").append(h("small", { class: "quiet" }, " " + lock.lockfile));
  document.title = (isAll ? count(report.locks.length, "lock") : shown(lock.lockfile)) + " – lock report";
  find("facts").replaceChildren(...(isAll ? describeAll() : describeLock(lock)).filter(Boolean).map(([name, value, more, kind]) =>
    h("div", { class: kind }, h("dt", null, name), h("dd", null, value, more && h("small", null, more)))));
  find("made").textContent = isAll ? "" : shown("Made from " + lock.lockfile + ", which " + lock.created_by + " wrote.");
}

/** The facts of all locks: how many images they make, and of what sizes. */
function describeAll() {
  const sizes = report.locks.map(lock => lock.download_bytes), images = new Set(report.locks.map(lock => lock.digest));
  const values = of => [...new Set(report.locks.map(of).filter(Boolean))].sort(compareTexts);
  const short = list => list.slice(0, 4).join(", ") + (list.length > 4 ? " +" + (list.length - 4) : "") || "–";
  const lists = values(lock => lock.source).length;
  return [
    ["Locks", String(report.locks.length), lists ? "of " + count(lists, "list") : null, "big"],
    ["Images", String(images.size), "locks of one digest share one", "big"],
    ["Largest download", bytes(Math.max(...sizes)), "smallest " + bytes(Math.min(...sizes)), "big"],
    ["torch", short(values(lock => lock.torch)), values(lock => lock.cuda).length ? "built for " + short(values(lock => lock.cuda)) : null],
    ["Machines", short(values(machineOf))],
    ["Python", short(values(lock => lock.python)), short(values(lock => lock.platform)), "wide"],
  ];
}

function describeLock(lock) {
  const accelerator = lock.accelerator;
  const driver = accelerator.driver && "driver " + accelerator.driver + (accelerator["driver-source"] === "assumption" ? ", assumed" : "");
  const former = lock.former, change = former && lock.download_bytes - former.download_bytes;
  const unsized = lock.pins.filter(pin => pin.download_bytes === null).length;
  return [
    ["Download", bytes(lock.download_bytes), former ? difference(change) + " against " + former.lockfile : unsized ? "without " + count(unsized, "pin") + " of unknown size" : null, "big"],
    lock.unpacked_bytes !== null && ["On disk", bytes(lock.unpacked_bytes), "unpacked wheels", "big"],
    ["Pins", String(lock.pins.length), lock.requirements.length ? count(lock.items.length, "item") + " in the list" : lock.items.length + " that no other pin needs", "big"],
    lock.torch !== null && ["torch", lock.torch, lock.cuda ? "built for " + lock.cuda : "CUDA " + UNKNOWN],
    ["Machine", machineOf(lock), [gpusOf(lock), driver].filter(Boolean).join("; ") || null],
    ["Python", lock.python ?? UNKNOWN, lock.platform ?? "platform " + UNKNOWN, "wide"],
    lock.exclude_newer !== null && ["Nothing newer than", lock.exclude_newer],
    ["Digest", h("span", { class: "mono" }, lock.digest), lock.is_edited ? "the file was edited after it was made" : null, "fill"],
  ];
}

/** The GPUs of a lock by compute capability (`sm_80`), or the kind of its accelerator. */
function machineOf(lock) {
  const capability = lock.accelerator.capability;
  if (capability) return capability.split(" ").map(one => "sm_" + one.replace(".", "")).join(", ");
  return lock.accelerator.kind ?? "no machine type";
}

/** GPUs that such a machine may have, those of a short name first; a lock has no names of machines. */
function gpusOf(lock) {
  const sorted = [...lock.gpus].sort((one, other) => (one.length > 14) - (other.length > 14)), more = sorted.length - 3;
  return sorted.slice(0, 3).join(", ") + (more > 0 ? " +" + more : "");
}

function renderLockChoice() {
  find("lock-choice").hidden = report.locks.length < 2;
  find("lock").replaceChildren(...report.locks.map((lock, number) => h("option", { value: number }, lock.lockfile)));
  find("lock").addEventListener("change", event => {
    if (state.view === "locks") state.view = "image";
    chooseLock(Number(event.target.value));
  });
}

function chooseLock(number) {
  state.lock = number;
  state.category = null;
  if (state.selected && !current().byName.has(state.selected)) state.selected = null;
  render();
  keepPlace();
}

// ---- Views

const VIEWS = {
  locks: ["Locks", renderLocks, () => report.locks.length > MOST_SIDES],
  image: ["Image", renderImage, () => true],
  graph: ["Graph", renderGraph, () => current().pins.length > 0],
  machines: ["Side by side", renderMachines, () => report.locks.length > 1],
  changes: ["Changes", renderChanges, () => current().lock.former !== null],
};

function renderTabs() {
  const names = Object.keys(VIEWS).filter(name => VIEWS[name][2]());
  if (!names.includes(state.view)) state.view = names[0];
  find("tabs").replaceChildren(...names.map(name => h("button", {
    role: "tab", id: "tab-" + name, "aria-selected": String(name === state.view), "aria-controls": "view",
    tabindex: name === state.view ? "0" : "-1",
    click: () => openView(name),
    keydown: event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      openView(names[(names.indexOf(name) + step + names.length) % names.length]);
      find("tab-" + state.view).focus();
    },
  }, VIEWS[name][0])));
  find("view").setAttribute("aria-labelledby", "tab-" + state.view);
}

function openView(name) {
  state.view = name;
  renderHeader();
  renderTabs();
  renderView();
  renderDetail();
  renderCount();
  keepPlace();
  if (find("view").getBoundingClientRect().top < 0) find("view").scrollIntoView();
}
function renderView() { hideTip(); afterRender = () => {}; find("view").replaceChildren(...VIEWS[state.view][1]()); afterRender(); }
let afterRender = () => {}; // Of the view that is shown: what needs its elements in the document.

function render() { renderTabs(); renderHeader(); renderView(); renderDetail(); renderCount(); }

/** How many of what the view lists have all words of the search. */
function renderCount() {
  const list = LISTS[state.view] || current().pins;
  const found = list.filter(one => LISTS[state.view] ? matchesQuery(one.words) : matches(one)).length;
  const unit = { changes: "change", locks: "lock" }[state.view] || "pin";
  find("count").textContent = found === list.length ? count(found, unit) : found + " of " + count(list.length, unit);
}
const LISTS = {};

// ---- The image: a treemap over a table

function renderImage() {
  const model = current();
  if (!model.pins.length) return [h("p", { class: "empty" }, "This lock has no pins.")];
  const categories = listCategories(model);
  const map = h("div", { class: "map", id: "map", role: "group", "aria-label": "Pins by size; arrow keys move, Enter selects" });
  const choose = (label, key, options) => options.length > 1 && h("label", { class: "choice" }, label, " ", h("select", {
    change: event => { state[key] = event.target.value; state.category = null; renderView(); renderCount(); },
  }, options.map(([value, text]) => h("option", { value, selected: state[key] === value }, text))));
  const colours = Object.entries(COLOURS).filter(([, [, of]]) => new Set(model.pins.map(of)).size > 1);
  if (!colours.some(([key]) => key === state.colour)) state.colour = colours.length ? colours[0][0] : "item";
  const measures = [["download_bytes", "download"], ["unpacked_bytes", "on disk"]].slice(0, model.lock.unpacked_bytes === null ? 1 : 2);
  const table = buildTable(model);
  const unsized = model.pins.filter(pin => pin[state.measure] === null).length;
  afterRender = () => { layOutMap(map, model, categories); applySearch(); };
  return [
    h("div", { class: "tools" }, h("h2", null, "What is in the image, by size"),
      choose("Size", "measure", measures), choose("Colour", "colour", colours.map(([key, [label]]) => [key, label]))),
    map,
    h("div", { class: "legend", role: "group", "aria-label": "Categories: show only one" }, categories.slice(0, 14).map(one => h("button", {
      "aria-pressed": String(state.category === one.name),
      click: event => { state.category = state.category === one.name ? null : one.name; renderView(); renderCount(); focusLegend(one.name); },
      "data-name": one.name,
    }, h("span", { class: "swatch " + one.colour }), one.name, h("span", { class: "quiet" }, bytes(one.size)))),
      categories.length > 14 && h("span", { class: "note" }, count(categories.length - 14, "smaller category", "smaller categories"))),
    state.colour === "item" && h("p", { class: "note" }, "A colour is an item of the list with all that only it leads to: what the image would lose without it."),
    unsized > 0 && h("p", { class: "note" }, count(unsized, "pin") + " not in the map: the size is " + UNKNOWN + "."),
    table,
    model.pins.every(pin => pin.licence === null) && model.pins.length > 0
      && h("p", { class: "note" }, "Licences are not in a lock: ", h("span", { class: "mono" }, "lock report --read-wheels"), " reads those of wheels from their metadata."),
  ].filter(Boolean);
}

function focusLegend(name) {
  [...document.querySelectorAll(".legend button")].find(one => one.dataset.name === name)?.focus();
}

/** Squarified treemap (Bruls, Huizing, van Wijk): rectangles for values in falling order, each as square as can be. */
function squarify(values, width, height) {
  const rectangles = [];
  let left = 0, top = 0, from = 0;
  const total = values.reduce((sum, one) => sum + one, 0);
  const scale = total ? width * height / total : 0;
  while (from < values.length) {
    const isWide = width - left >= height - top;
    const side = isWide ? height - top : width - left;
    let to = from, sum = 0, worst = Infinity;
    while (to < values.length) {
      const next = sum + values[to] * scale;
      const ratio = Math.max(side * side * values[from] * scale / (next * next), next * next / (side * side * values[to] * scale));
      if (ratio > worst) break;
      worst = ratio; sum = next; to += 1;
    }
    const thickness = side ? sum / side : 0;
    let along = 0;
    for (; from < to; from += 1) {
      const length = thickness ? values[from] * scale / thickness : 0;
      rectangles.push(isWide ? [left, top + along, thickness, length] : [left + along, top, length, thickness]);
      along += length;
    }
    if (isWide) left += thickness; else top += thickness;
  }
  return rectangles;
}

const SMALLEST_TILE = 90; // Square pixels: what is smaller shares one tile.
let smallerPins = []; // The names of the pins in that tile.

function layOutMap(map, model, categories) {
  const colours = new Map(categories.map(one => [one.name, one.colour]));
  const { width, height } = map.getBoundingClientRect();
  const pins = model.pins.filter(pin => pin[state.measure] > 0).sort((one, other) => other[state.measure] - one[state.measure]);
  const total = pins.reduce((sum, pin) => sum + pin[state.measure], 0);
  let shownPins = pins.filter(pin => pin[state.measure] * width * height >= SMALLEST_TILE * total);
  if (pins.length - shownPins.length < 2) shownPins = pins;
  const rest = pins.slice(shownPins.length);
  smallerPins = rest.map(pin => pin.name);
  const restSize = rest.reduce((sum, pin) => sum + pin[state.measure], 0);
  const tiles = shownPins.map(pin => ({ pin, size: pin[state.measure] }));
  if (rest.length) tiles.push({ pin: null, size: restSize });
  tiles.sort((one, other) => other.size - one.size);
  const places = squarify(tiles.map(one => one.size), width, height);
  map.replaceChildren(...tiles.map(({ pin, size }, number) => {
    const [left, top, wide, high] = places[number];
    const name = pin ? pin.name : rest.length + " smaller pins";
    const tile = h("button", {
      class: (pin ? colours.get(categoryOf(pin)) : "rest") + (high < 30 || wide < 60 ? " small" : ""),
      tabindex: "-1", "data-name": pin ? pin.name : null, "data-smaller": pin ? null : "yes",
      "aria-label": name + (pin && pin.version ? " " + pin.version : "") + ", " + bytes(size) + ", " + percent(size, total),
      "aria-pressed": pin ? String(pin.name === state.selected) : null,
      click: event => pin ? select(pin.name, event.currentTarget) : sortBy("download_bytes", false),
    }, wide > 34 && high > 15 ? h("span", null, name) : null, wide > 50 && high > 40 ? h("span", null, bytes(size)) : null);
    Object.assign(tile.style, { left: left + "px", top: top + "px", width: wide + "px", height: high + "px" });
    if (wide < 20 || high < 15) tile.style.padding = "0";
    const lines = pin
      ? [bytes(size) + ", " + percent(size, total), "brings " + bringsOf(pin), pin.item === pin.name ? "in the list" : pin.item ? "only through " + pin.item : "through several items"]
      : [bytes(restSize) + ", " + percent(restSize, total), "sorts the table by size, smallest first"];
    for (const kind of ["pointerenter", "focus"]) tile.addEventListener(kind, () => showTip(tile, name + (pin && pin.version ? " " + pin.version : ""), lines));
    for (const kind of ["pointerleave", "blur"]) tile.addEventListener(kind, hideTip);
    return tile;
  }));
  const first = map.querySelector('[aria-pressed="true"]') || map.firstElementChild;
  if (first) first.tabIndex = 0;
  map.onkeydown = event => moveAmong([...map.children], event);
}

/** Move the focus to the nearest element in the direction of an arrow key; one of the elements is in the tab order. */
function moveAmong(elements, event) {
  const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (!direction || !elements.includes(document.activeElement)) return;
  event.preventDefault();
  const middle = one => { const box = one.getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]; };
  const [x, y] = middle(document.activeElement);
  let best = null, least = Infinity;
  for (const one of elements) {
    const [otherX, otherY] = middle(one);
    const along = (otherX - x) * direction[0] + (otherY - y) * direction[1];
    const across = Math.abs((otherX - x) * direction[1]) + Math.abs((otherY - y) * direction[0]);
    if (along > 1 && along + 2.5 * across < least) { least = along + 2.5 * across; best = one; }
  }
  if (best) moveFocus(best, elements);
}
function moveFocus(element, elements) {
  for (const one of elements) if (one.tabIndex === 0) one.tabIndex = -1;
  element.tabIndex = 0;
  element.focus();
}

function showTip(anchor, title, lines) {
  const tip = find("tip");
  tip.replaceChildren(h("b", null, title), ...lines.map(line => h("div", null, line)));
  tip.hidden = false;
  const box = anchor.getBoundingClientRect(), own = tip.getBoundingClientRect();
  const below = box.top < own.height + 10;
  tip.style.left = Math.max(6, Math.min(innerWidth - own.width - 6, box.left + box.width / 2 - own.width / 2)) + "px";
  tip.style.top = Math.max(6, Math.min(innerHeight - own.height - 6, below ? Math.min(box.bottom, box.top + 60) + 6 : box.top - own.height - 6)) + "px";
}
function hideTip() { find("tip").hidden = true; }

// ---- The table of pins

const COLUMNS = [
  { key: "name", label: "Pin", cell: pin => [h("span", { class: "name" }, pin.name), h("span", { class: "under" }, [pin.version, pin.cuda, pin.askedBy && "for " + pin.askedBy].filter(Boolean).join(" · "))] },
  { key: "version", label: "Version", low: true, cell: pin => h("span", { class: "mono" }, pin.version ?? (pin.revision ? pin.revision.slice(0, 10) : "source tree")) },
  { key: "download_bytes", label: "Download", number: true, cell: (pin, most) => [bytes(pin.download_bytes), buildShare(pin.download_bytes, most)] },
  { key: "unpacked_bytes", label: "On disk", number: true, low: true, only: lock => lock.unpacked_bytes !== null, cell: pin => bytes(pin.unpacked_bytes) },
  { key: "brings_bytes", label: "Brings", number: true, low: true, title: "Its download with that of all that only it leads to", cell: bringsOf },
  { key: "cuda", label: "CUDA", low: true, cell: pin => pin.cuda ?? "–" },
  { key: "from", label: "Index", low: true, cell: pin => pin.from },
  { key: "licence", label: "Licence", low: true, only: lock => lock.pins.some(pin => pin.licence !== null), cell: pin => pin.licence ?? h("span", { class: "quiet" }, UNKNOWN) },
  { key: "askedBy", label: "Asked by", low: true, cell: pin => pin.askedBy },
];

/** What a pin brings; not known where its own size is not and nothing else comes with it. */
function bringsOf(pin) { return bytes(pin.download_bytes === null && !pin.brings_bytes ? null : pin.brings_bytes); }

function buildShare(size, most) {
  if (!size) return h("span", { class: "share", "aria-hidden": "true" });
  const bar = h("i");
  bar.style.width = (most ? 100 * size / most : 0) + "%";
  return h("span", { class: "share", "aria-hidden": "true" }, bar);
}

const ROWS_AT_ONCE = 120;
let rows = []; // {pin, element}, in the order of the lock; an element is built when it is first shown
let shownRows = []; // Those that match, in order; of these the first are in the document
let buildRow = () => {};
const seenEnd = new IntersectionObserver(entries => { if (entries.at(-1).isIntersecting && extendRows()) watchEnd(); }, { rootMargin: "600px" });
/** Observing again tells whether the end of the table is in view, which it may have been before. */
function watchEnd() { seenEnd.disconnect(); if (find("end")) seenEnd.observe(find("end")); }

function buildTable(model) {
  const columns = COLUMNS.filter(column => !column.only || column.only(model.lock));
  const most = Math.max(0, ...model.pins.map(pin => pin.download_bytes || 0));
  const of = column => "col-" + column.key + (column.number ? " number" : "") + (column.low ? " low" : "");
  rows = model.pins.map(pin => ({ pin, element: null }));
  buildRow = row => row.element ??= h("tr", { tabindex: "-1", "data-name": row.pin.name, "aria-selected": String(row.pin.name === state.selected) },
    columns.map(column => {
      const cell = column.cell(row.pin, most);
      return h("td", { class: of(column), title: typeof cell === "string" && !column.number ? cell : null }, cell);
    }));
  const body = h("tbody", {
    click: event => { const row = event.target.closest("tr"); if (row) { focusRow(row); select(row.dataset.name, row); } },
    keydown: onRowKey,
  });
  body.id = "rows";
  const table = h("table", { class: "grid pins" + (columns.length < COLUMNS.length ? " few" : ""), role: "grid", "aria-label": "Pins", "aria-rowcount": model.pins.length + 1 },
    h("thead", null, h("tr", null, columns.map(column =>
      h("th", { scope: "col", class: of(column), "aria-sort": sortOf(column.key), "data-key": column.key },
        h("button", { title: column.title, click: () => sortBy(column.key) }, column.label))))), body);
  return h("div", { class: "panel scroll" }, table, h("div", { id: "end" }), h("p", { class: "empty", id: "none", hidden: true }, "No pin has all of these words."));
}

function sortOf(key) { return state.sort.key !== key ? "none" : state.sort.descends ? "descending" : "ascending"; }

function sortBy(key, descends) {
  const isNumber = COLUMNS.find(column => column.key === key).number;
  state.sort = { key, descends: descends ?? (state.sort.key === key ? !state.sort.descends : Boolean(isNumber)) };
  for (const cell of document.querySelectorAll(".pins th")) cell.setAttribute("aria-sort", sortOf(cell.dataset.key));
  applySearch();
}

/** Unknown values come last in both directions. */
function sortRows(list) {
  const { key, descends } = state.sort;
  const sign = descends ? -1 : 1;
  return list.sort((one, other) => {
    const a = one.pin[key], b = other.pin[key];
    if (a === null || b === null) return (a === null) - (b === null) || compareTexts(one.pin.name, other.pin.name);
    return sign * (typeof a === "number" ? a - b : compareTexts(a, b)) || compareTexts(one.pin.name, other.pin.name);
  });
}

/** Put more of the matching rows into the document, to the one at `least`: a thousand at once make each key slow. False without more. */
function extendRows(least = 0) {
  const body = find("rows"), from = body ? body.children.length : 0;
  const to = Math.min(shownRows.length, Math.max(least + 1, from + ROWS_AT_ONCE));
  if (body && from < to) body.append(...shownRows.slice(from, to).map(buildRow));
  return from < to;
}

/** Show the rows that match, in order, and dim the tiles that do not. */
function applySearch() {
  const body = find("rows");
  if (body) {
    shownRows = sortRows(rows.filter(row => matches(row.pin)));
    body.replaceChildren();
    extendRows();
    watchEnd();
    find("none").hidden = shownRows.length > 0;
    // One row is in the tab order, although rows that were filtered out come back.
    const stop = body.querySelector('[tabindex="0"]') || body.firstElementChild;
    for (const { element } of rows) if (element) element.tabIndex = element === stop ? 0 : -1;
    const names = new Set(shownRows.map(row => row.pin.name));
    for (const tile of find("map").children) {
      tile.classList.toggle("dim", tile.dataset.name ? !names.has(tile.dataset.name) : !smallerPins.some(name => names.has(name)));
    }
  }
}

function focusRow(row) { moveFocus(row, [...find("rows").children]); }

function onRowKey(event) {
  const row = event.target.closest("tr");
  const at = shownRows.findIndex(one => one.element === row);
  if (at < 0) return;
  const last = shownRows.length - 1;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + 12, PageUp: at - 12 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    const next = shownRows[Math.max(0, Math.min(last, to))];
    extendRows(shownRows.indexOf(next));
    focusRow(next.element);
    if (!NARROW.matches) select(next.pin.name, null);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    select(row.dataset.name, row);
  }
}

// ---- Selection and its details

let returnTo = null;

function select(name, from) {
  state.selected = name;
  returnTo = from || returnTo;
  state.isSheet = from !== null;
  for (const { pin, element } of rows) element?.setAttribute("aria-selected", String(pin.name === name));
  const map = find("map");
  if (map) for (const tile of map.children) if (tile.dataset.name) tile.setAttribute("aria-pressed", String(tile.dataset.name === name));
  if (state.view === "graph") renderView();
  hideTip();
  state.showsAll = false;
  renderDetail();
  if (NARROW.matches && from !== null) find("detail").querySelector("h2")?.focus();
  keepPlace();
}

function deselect() {
  const from = returnTo;
  returnTo = null;
  state.selected = null;
  for (const one of document.querySelectorAll('[aria-selected="true"]:not([role="tab"])')) one.setAttribute("aria-selected", "false");
  for (const one of document.querySelectorAll('.map [aria-pressed="true"]')) one.setAttribute("aria-pressed", "false");
  if (state.view === "graph") renderView();
  renderDetail();
  if (from && from.isConnected) from.focus();
  keepPlace();
}

/** A button with the name of a pin that selects it. */
function pinLink(name) {
  return h("button", { class: "link", click: event => select(name, event.currentTarget.closest("#detail") ? returnTo || undefined : event.currentTarget) }, name);
}

function renderDetail() {
  const panel = find("detail");
  const pin = state.selected && current().byName.get(state.selected);
  panel.classList.toggle("open", Boolean(pin) && state.isSheet);
  panel.setAttribute("aria-label", pin ? "Selected pin" : "By item of the list");
  panel.replaceChildren(...(pin ? describePin(current(), pin) : describeItems(current())).filter(Boolean));
  panel.scrollTop = 0;
}

/** Without a selection: what each item of the list brings. */
function describeItems(model) {
  const items = [...new Set(model.lock.items)].map(name => model.byName.get(name)).filter(Boolean)
    .sort((one, other) => other.brings_bytes - one.brings_bytes);
  const most = items.length ? items[0].brings_bytes : 0;
  const shared = model.pins.filter(pin => pin.item === null).reduce((sum, pin) => sum + (pin.download_bytes || 0), 0);
  const limit = state.showsAll ? items.length : 20;
  return [
    h("header", null, h("h2", null, "What each item of the list brings")),
    h("p", { class: "note" }, "The download of an item with all pins that only it leads to. Select a pin for its details."),
    h("ul", { class: "bars" }, items.slice(0, limit).map(pin =>
      h("li", null, pinLink(pin.name), h("span", { class: "number" }, bytes(pin.brings_bytes)), buildShare(pin.brings_bytes, most))),
      h("li", null, h("span", { class: "quiet" }, "through several items"), h("span", { class: "number" }, bytes(shared)), buildShare(shared, most))),
    items.length > limit && h("button", { class: "action", click: () => { state.showsAll = true; renderDetail(); } }, "All " + items.length + " items"),
  ];
}

function describePin(model, pin) {
  const all = model.pins.filter(one => one.name === pin.name);
  const ways = waysTo(model, pin.name);
  const limit = state.showsAll ? ways.length : 6;
  const sources = { version: "from its version", index: "from its index", name: "from its name", data: "known of this release" };
  const total = model.lock.download_bytes;
  const pairs = all.flatMap(one => [
    all.length > 1 && ["Version", (one.version ?? "source tree") + (one.marker ? " where " + one.marker : "")],
    ["Download", bytes(one.download_bytes) + (one.download_bytes ? ", " + percent(one.download_bytes, total) + " of the image" : "")],
    one.unpacked_bytes !== null && ["On disk", bytes(one.unpacked_bytes)],
    ["Brings", bringsOf(one) + (one.item === one.name || one.item === null ? "" : ", only through " + one.item)],
    ["CUDA label", one.cuda ? one.cuda + ", " + sources[one.cuda_source] : "none"],
    [{ index: "Index", vcs: "Repository", directory: "Folder", archive: "Archive", file: "File" }[one.origin], one.place ?? UNKNOWN],
    one.revision && ["Commit", h("span", { class: "mono" }, one.revision)],
    one.files.length > 0 && ["Files", h("span", { class: "mono" }, one.files.join(", "))],
    ["Licence", one.licence ?? UNKNOWN],
    one.extras.length > 0 && ["Extras", one.extras.join(", ")],
    model.lock.requirements.length > 1 && ["Layer", String(one.layer)],
    one.is_built && ["Metadata", "from a build"],
    all.length === 1 && one.marker && ["Marker", one.marker],
  ]).filter(Boolean);
  return [
    h("header", null,
      h("h2", { tabindex: "-1" }, pin.name, " ", h("small", null, all.length > 1 ? count(all.length, "version") : pin.version ?? "source tree")),
      h("button", { class: "close", "aria-label": "Close", click: deselect }, "×")),
    h("dl", { class: "pairs" }, pairs.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
    h("section", null, h("h3", null, "Who asked"), h("ul", null, listRequests(model, pin))),
    h("section", null, h("h3", null, ways.length === 1 ? "The path from the list" : "Shortest paths from the list"),
      ways.length
        ? h("ol", { class: "way-list" }, ways.slice(0, limit).map(way => h("li", null, way.map((name, place) =>
          [place ? " → " : "", place === way.length - 1 ? h("b", null, name) : pinLink(name)]))))
        : h("p", { class: "note" }, "No line of the list leads to it."),
      ways.length > limit && h("p", null, h("button", { class: "action", click: () => { state.showsAll = true; renderDetail(); } }, "All " + ways.length + " paths"))),
    h("section", null, h("h3", null, "Needs " + (pin.dependencies.length ? count(pin.dependencies.length, "pin") : "no other pin")),
      pin.dependencies.length > 0 && h("ul", { class: "chips" }, pin.dependencies.map(name =>
        h("li", null, h("button", { click: () => select(name, returnTo || undefined) }, name))))),
    state.view !== "graph" && h("button", { class: "action", click: () => { state.isSheet = false; openView("graph"); find("tab-graph").focus(); } }, "Show in the graph"),
    state.sides.length > 1 && h("section", null, h("h3", null, "Side by side"), h("dl", { class: "pairs" }, state.sides.map(number => {
      const other = modelOf(number).byName.get(pin.name);
      return [h("dt", null, report.locks[number].lockfile), h("dd", null, other ? (other.version ?? "source tree") + ", " + bytes(other.download_bytes) : "–")];
    }))),
  ];
}

function listRequests(model, pin) {
  const parents = [...model.parents.get(pin.name)].sort(([one], [other]) => compareTexts(one, other));
  return [
    ...pin.requested_by.filter(one => one.layer !== null).map(one =>
      h("li", null, "the list" + (model.lock.requirements.length > 1 ? ", layer " + one.layer : "") + " ", h("span", { class: "asked" }, one.asked))),
    ...pin.requested_by.filter(one => one.layer === null && one.name === null).map(one =>
      h("li", null, one.asked ? "a constraint or override " : "the list", h("span", { class: "asked" }, one.asked))),
    ...parents.map(([name, asked]) => h("li", null, pinLink(name), " ", h("span", { class: "asked" }, asked))),
    !pin.requested_by.length && !parents.length && h("li", { class: "quiet" }, "nothing that the lock records"),
  ];
}

// ---- The graph around a pin: ways from the list on the left, what it needs on the right

const NODE = { height: 44, gap: 12, lane: 14, most: 14 };
/** Width of a node, space between columns, and characters of a name: two columns fit a phone. */
function nodeWidths() { return PHONE.matches ? [138, 26, 17] : [190, 74, 25]; }

function renderGraph() {
  const model = current();
  const name = state.selected || [...model.pins].sort((one, other) => (other.download_bytes || 0) - (one.download_bytes || 0))[0].name;
  const { columns, edges } = buildNeighbourhood(model, name);
  const pin = model.byName.get(name);
  const matching = h("ul", { class: "chips", id: "matches", "aria-label": "Pins that match the search" });
  const fill = searchListeners.graph = () => {
    const found = state.query.trim() ? findPins() : [];
    matching.hidden = !found.length;
    matching.replaceChildren(...found.slice(0, 24).map(one => h("li", null, h("button", { click: () => select(one, undefined) }, one))));
    if (found.length > 24) matching.append(h("li", { class: "note" }, "and " + (found.length - 24) + " more"));
  };
  afterRender = () => {
    const here = find("view").querySelector(".here"), box = find("view").querySelector(".graph");
    if (here && box) box.scrollLeft = Math.max(0, Number(here.dataset.x) - box.clientWidth / 2 + nodeWidths()[0] / 2);
    fill();
  };
  return [
    h("div", { class: "tools" }, h("h2", null, "Why ", h("b", null, name), " is in the image, and what it needs"),
      h("span", { class: "note" }, pin.dependencies.length ? "needs " + count(pin.dependencies.length, "pin") + ", " : "", "asked for by " + (pin.askedBy || "nothing"))),
    matching,
    h("div", { class: "panel graph", id: "graph", role: "group", "aria-label": "Graph around " + name, keydown: event => {
      moveAmong([...event.currentTarget.querySelectorAll('g[role="button"]')], event);
    } }, drawGraph(model, name, columns, edges)),
    h("p", { class: "note" }, "Left of the pin: the shortest path from the list to each pin that asks for it. Right: what it needs. Select a pin to move there; a search lists pins above the graph, and Enter goes to the first."),
  ];
}

/** Columns of names by distance from the list, then the pin, then its dependencies; edges are [from, to, isWay]. */
function buildNeighbourhood(model, name) {
  const ways = waysTo(model, name);
  const columns = [], placed = new Map(), edges = new Map();
  const put = (one, column) => {
    if (placed.has(one)) return;
    placed.set(one, column);
    (columns[column] ||= []).push(one);
  };
  for (const way of ways) {
    way.slice(0, -1).forEach((one, column) => put(one, column));
    for (let at = 1; at < way.length; at += 1) edges.set(way[at - 1] + "\n" + way[at], [way[at - 1], way[at], true]);
  }
  const place = columns.length;
  put(name, place);
  for (const needed of [...model.byName.get(name).dependencies].sort((one, other) =>
    model.byName.get(other).brings_bytes - model.byName.get(one).brings_bytes)) {
    if (!placed.has(needed)) { put(needed, place + 1); edges.set(name + "\n" + needed, [name, needed, false]); }
  }
  // Each column in the order of what leads to it, so that few edges cross.
  for (let column = 1; column < place; column += 1) {
    const rank = one => columns[column - 1].indexOf(model.above.get(one));
    columns[column].sort((one, other) => rank(one) - rank(other) || compareTexts(one, other));
  }
  if (place) columns[0].sort(compareTexts);
  return { columns, edges: [...edges.values()], place };
}

/**
 * The slots of each column from the top: pins, and lanes for the edges that pass the column, so that no line runs under
 * a pin. Each is {name, edge, y}; a lane has no name.
 */
function buildSlots(columns, edges) {
  const slots = columns.map(column => column.slice(0, NODE.most).map(name => ({ name, edge: null, y: 0 })));
  const columnOf = new Map(slots.flatMap((column, number) => column.map(slot => [slot.name, number])));
  const kept = edges.filter(([from, to]) => columnOf.has(from) && columnOf.has(to));
  for (let number = 1; number < slots.length; number += 1) {
    const place = new Map(slots[number - 1].map((slot, at) => [slot.name ?? slot.edge, at]));
    for (const edge of kept) {
      if (columnOf.get(edge[0]) < number && columnOf.get(edge[1]) > number) slots[number].push({ name: null, edge, y: 0 });
    }
    const rankOf = slot => {
      const before = slot.name === null ? [slot.edge] : kept.filter(([, to]) => to === slot.name);
      const places = before.map(edge => place.get(edge) ?? place.get(edge[0])).filter(one => one !== undefined);
      return places.length ? places.reduce((sum, one) => sum + one, 0) / places.length : 0;
    };
    const ranks = new Map(slots[number].map(slot => [slot, rankOf(slot)]));
    slots[number].sort((one, other) => ranks.get(one) - ranks.get(other));
  }
  return { slots, columnOf, kept };
}

function drawGraph(model, name, columns, edges) {
  const [nodeWidth, space] = nodeWidths();
  const { slots, columnOf, kept } = buildSlots(columns, edges);
  const here = columnOf.get(name);
  const heightOf = slot => slot.name === null ? NODE.lane : NODE.height + NODE.gap;
  const more = columns.map((column, number) => column.length - slots[number].filter(slot => slot.name !== null).length);
  const heights = slots.map((column, number) => column.reduce((sum, slot) => sum + heightOf(slot), more[number] ? 30 : 0));
  const height = 30 + Math.max(...heights), width = columns.length * (nodeWidth + space) - space + 8;
  const xOf = number => 4 + number * (nodeWidth + space);
  const nodes = [], heads = [];
  slots.forEach((column, number) => {
    const x = xOf(number);
    let y = 26 + (PHONE.matches ? 0 : (height - 30 - heights[number]) / 2);
    const head = number > here ? "Needs" : number === 0 ? "In the list" : number === here ? "This pin" : "Through";
    heads.push(h("svg:text", { x, y: 16, class: "head" }, head));
    for (const slot of column) {
      slot.y = y + (heightOf(slot) - NODE.gap * (slot.name !== null)) / 2;
      if (slot.name !== null) nodes.push(drawNode(model, slot.name, x, y, slot.name === name));
      y += heightOf(slot);
    }
    if (more[number]) nodes.push(h("svg:text", { x: x + 10, y: y + 16, class: "sub" }, "and " + more[number] + " more, in the details"));
  });
  const lines = kept.map(edge => {
    const from = columnOf.get(edge[0]), to = columnOf.get(edge[1]);
    const yOf = (number, isSlot) => slots[number].find(isSlot).y;
    let x = xOf(from) + nodeWidth, y = yOf(from, slot => slot.name === edge[0]), path = `M${x} ${y}`;
    for (let number = from + 1; number <= to; number += 1) {
      const nextX = xOf(number), nextY = yOf(number, number < to ? slot => slot.edge === edge : slot => slot.name === edge[1]);
      const bend = Math.max(space / 2, (nextX - x) / 2);
      path += `C${x + bend} ${y} ${nextX - bend} ${nextY} ${nextX} ${nextY}`;
      [x, y] = [nextX, nextY];
      if (number < to) { x += nodeWidth; path += `H${x}`; }
    }
    return h("svg:path", { class: edge[2] ? "way" : null, d: path });
  });
  return h("svg:svg", { width, height, viewBox: `0 0 ${width} ${height}` }, heads, lines, nodes);
}

function drawNode(model, name, x, y, isHere) {
  const pin = model.byName.get(name), [width, , most] = nodeWidths();
  const cut = (text, limit) => [...shown(text)].length > limit ? [...shown(text)].slice(0, limit - 1).join("") + "…" : shown(text);
  const goThere = () => { select(name, undefined); find("graph").querySelector(".here").focus(); };
  return h("svg:g", {
    role: "button", tabindex: isHere ? "0" : "-1", class: isHere ? "here" : model.depth.get(name) === 0 ? "item" : null, "data-name": name, "data-x": x,
    "aria-label": name + " " + (pin.version ?? "") + ", " + bytes(pin.download_bytes),
    click: goThere,
    keydown: event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); goThere(); } },
  },
    h("svg:title", null, name + " " + (pin.version ?? "") + "\n" + (lineFor(pin) || "")),
    h("svg:rect", { x, y, width, height: NODE.height, rx: 8 }),
    h("svg:text", { x: x + 10, y: y + 19 }, cut(name, most)),
    h("svg:text", { x: x + 10, y: y + 35, class: "sub" }, cut((pin.version ?? "source tree") + " · " + bytes(pin.download_bytes), most + 4)));
}

// ---- Several locks side by side

/** The locks as rows, where they are more than fit side by side: a few are chosen for that. */
function renderLocks() {
  const alike = new Map();
  for (const lock of report.locks) alike.set(lock.digest, (alike.get(lock.digest) || 0) + 1);
  const most = Math.max(...report.locks.map(lock => lock.download_bytes));
  const list = report.locks.map((lock, number) => ({
    words: [lock.lockfile, lock.source, lock.torch, lock.cuda, machineOf(lock), lock.python, lock.digest, ...lock.gpus].filter(Boolean).join("\n").toLowerCase(),
    element: h("tr", null,
      h("td", null, h("input", { type: "checkbox", "data-lock": number, "aria-label": "Side by side: " + lock.lockfile, checked: state.sides.includes(number), change: chooseSides })),
      h("td", { class: "name" }, h("button", { class: "link", click: () => { state.view = "image"; chooseLock(number); find("tab-image").focus(); scrollTo(0, 0); } }, lock.lockfile),
        lock.source && h("span", { class: "note" }, " " + lock.source), h("span", { class: "under" }, machineOf(lock))),
      h("td", { class: "low" }, machineOf(lock), lock.gpus.length > 0 && h("small", null, gpusOf(lock))),
      h("td", { class: "low" }, lock.python ?? UNKNOWN),
      h("td", { class: "whole" }, lock.torch ?? "–", lock.cuda && h("small", null, lock.cuda)),
      h("td", { class: "number low" }, String(lock.pins.length)),
      h("td", { class: "number" }, bytes(lock.download_bytes), buildShare(lock.download_bytes, most)),
      h("td", { class: "low" }, h("span", { class: "mono" }, shortDigest(lock)), alike.get(lock.digest) > 1 && h("small", null, "one image for " + alike.get(lock.digest) + " locks"))),
  }));
  LISTS.locks = list;
  const body = h("tbody", { id: "locks" });
  const fill = () => {
    const found = list.filter(row => matchesQuery(row.words));
    body.replaceChildren(...found.map(row => row.element));
    if (!found.length) body.append(h("tr", null, h("td", { colspan: 8, class: "empty" }, "No lock has all of these words.")));
    showSides();
  };
  afterRender = searchListeners.locks = fill;
  return [
    h("div", { class: "tools" }, h("h2", null, count(list.length, "lock")), h("span", { class: "note" }, count(alike.size, "digest") + ": as many images"),
      h("button", { class: "action", id: "compare", click: () => openView("machines") })),
    h("div", { class: "panel scroll" }, h("table", { class: "locks", "aria-label": "Locks" },
      h("thead", null, h("tr", null, [["", ""], ["Lock", ""], ["Machine", "low"], ["Python", "low"], ["torch", ""], ["Pins", "number low"], ["Download", "number"], ["Digest", "low"]]
        .map(([text, kind]) => h("th", { scope: "col", class: kind }, text)))), body)),
  ];
}

/** The checked locks, of which the last few stay. */
function chooseSides(event) {
  const number = Number(event.target.dataset.lock);
  const others = state.sides.filter(one => one !== number);
  state.sides = event.target.checked ? [...others, number].slice(-MOST_SIDES) : others;
  showSides();
}
function showSides() {
  for (const box of document.querySelectorAll("#locks input")) box.checked = state.sides.includes(Number(box.dataset.lock));
  find("compare").textContent = "Compare " + count(state.sides.length, "lock");
  find("compare").disabled = state.sides.length < 2;
}

function shortDigest(lock) { return lock.digest.split(":").pop().slice(0, 12); }

function renderMachines() {
  const sides = [...state.sides].sort((one, other) => one - other), locks = sides.map(number => report.locks[number]);
  const all = sides.map(modelOf);
  const names = [...new Set(all.flatMap(model => model.pins.map(pin => pin.name)))];
  const list = names.map(name => {
    const cells = all.map(model => model.pins.filter(pin => pin.name === name));
    const keys = cells.map(found => found.map(pin => [pin.version, pin.revision, pin.cuda, pin.place, ...pin.files].join(" ")).join("\n"));
    return {
      name, cells, differs: new Set(keys).size > 1,
      words: cells.flat().map(pin => pin.words).join("\n"),
      size: Math.max(0, ...cells.flat().map(pin => pin.download_bytes || 0)),
    };
  }).sort((one, other) => other.differs - one.differs || other.size - one.size || compareTexts(one.name, other.name));
  const differing = list.filter(row => row.differs).length;
  const body = h("tbody");
  const fill = () => {
    const found = list.filter(row => (row.differs || !state.onlyDifferences) && matchesQuery(row.words));
    body.replaceChildren(...found.map(row => h("tr", { class: row.differs ? "differs" : null },
      h("td", { class: "name" }, pinLink(row.name)),
      row.cells.map((pins, number) => buildCell(pins, number ? row.cells[0] : null)))));
    if (!found.length) body.append(h("tr", null, h("td", { colspan: all.length + 1, class: "empty" }, differing ? "No pin has all of these words." : "All locks have the same pins.")));
  };
  afterRender = searchListeners.machines = fill;
  LISTS.machines = list;
  return [
    h("div", { class: "tools" }, h("h2", null, count(locks.length, "lock") + " side by side"),
      h("span", { class: "note" }, differing ? differing + " of " + count(names.length, "pin") + " differ" : "the same " + count(names.length, "pin") + " in all"
        + (new Set(locks.map(lock => lock.digest)).size === 1 ? ", and one digest: one image serves all" : "")),
      h("label", { class: "choice" }, h("input", { type: "checkbox", id: "only", checked: state.onlyDifferences, change: event => { state.onlyDifferences = event.target.checked; fill(); } }), "Only differences")),
    h("div", { class: "panel scroll" }, h("table", { class: "side facts-side" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Lock"), locks.map(lock => h("th", { scope: "col" }, lock.lockfile)))),
      h("tbody", null, compareFacts(locks)))),
    h("div", { class: "panel scroll" }, h("table", { class: "side", "aria-label": "Pins of all locks" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Pin"), locks.map(lock => h("th", { scope: "col" }, lock.lockfile)))), body)),
  ];
}

function compareFacts(locks) {
  const rowsOf = [
    ["Python", lock => lock.python ?? UNKNOWN], ["Platform", lock => lock.platform ?? UNKNOWN],
    ["Machine", machineOf], locks.some(lock => lock.gpus.length) && ["Such as", lock => gpusOf(lock) || "–"], ["Driver", lock => lock.accelerator.driver ?? "–"],
    ["torch", lock => lock.torch ?? "–"], ["CUDA", lock => lock.cuda ?? "–"],
    ["Download", lock => bytes(lock.download_bytes)],
    locks.some(lock => lock.unpacked_bytes !== null) && ["On disk", lock => bytes(lock.unpacked_bytes)],
    ["Pins", lock => String(lock.pins.length)], ["Digest", shortDigest],
  ].filter(Boolean);
  return rowsOf.map(([name, of]) => {
    const values = locks.map(of);
    return h("tr", { class: new Set(values).size > 1 ? "differs" : null }, h("td", null, name), values.map(value => h("td", null, value)));
  });
}

function buildCell(pins, first) {
  if (!pins.length) return h("td", null, h("span", { class: "quiet" }, "not in it"));
  const change = first && first.length && pins[0].download_bytes !== null && first[0].download_bytes !== null ? pins[0].download_bytes - first[0].download_bytes : 0;
  return h("td", null, pins.map(pin => pin.version ?? pin.revision?.slice(0, 10) ?? "source tree").join(", "),
    h("small", null, bytes(pins[0].download_bytes), change ? [" ", h("span", { class: change > 0 ? "more" : "less" }, difference(change))] : null, pins[0].cuda ? " · " + pins[0].cuda : ""));
}

// ---- Against the former lock

function renderChanges() {
  const model = current(), lock = model.lock, former = lock.former;
  const list = ["changed", "added", "removed"].flatMap(kind => former[kind].map(change => ({
    ...change, kind, grows: (change.new_bytes || 0) - (change.old_bytes || 0), words: (change.text + "\n" + kind).toLowerCase(),
  }))).sort((one, other) => Math.abs(other.grows) - Math.abs(one.grows) || compareTexts(one.name, other.name));
  const body = h("tbody");
  const fill = () => {
    const found = list.filter(change => matchesQuery(change.words));
    body.replaceChildren(...found.map(change => h("tr", null,
      h("td", { class: "name" }, change.kind !== "removed" && model.byName.has(change.name) ? pinLink(change.name) : change.name,
        " ", h("span", { class: "badge " + change.kind }, change.kind)),
      h("td", { class: "mono" }, describeChange(change)),
      h("td", { class: "low" }, change.kind === "removed" ? "" : model.byName.get(change.name)?.askedBy ?? ""),
      h("td", { class: "number " + (change.grows > 0 ? "more" : change.grows < 0 ? "less" : "") }, difference(change.grows)))));
    if (!found.length) body.append(h("tr", null, h("td", { colspan: 4, class: "empty" }, list.length ? "No change has all of these words." : "Both locks have the same pins.")));
  };
  afterRender = searchListeners.changes = fill;
  LISTS.changes = list;
  const grows = lock.download_bytes - former.download_bytes;
  const lines = [...former.lines_removed.map(line => ["removed", "− " + line]), ...former.lines_added.map(line => ["added", "+ " + line])];
  return [
    h("div", { class: "tools" }, h("h2", null, former.lockfile + " → " + lock.lockfile),
      ["added", "removed", "changed"].map(kind => h("span", { class: "badge " + kind }, former[kind].length + " " + kind))),
    h("p", null, count(former.pin_count, "pin") + " → " + lock.pins.length + ", " + bytes(former.download_bytes) + " → " + bytes(lock.download_bytes) + " ",
      h("b", { class: grows > 0 ? "more" : grows < 0 ? "less" : "" }, difference(grows)),
      former.digest === lock.digest ? ". Same digest: both install the same." : ""),
    lines.length > 0 && h("div", { class: "panel lines" }, h("h3", null, "Lines of the list"), h("ol", null, lines.map(([kind, line]) => h("li", { class: kind }, line)))),
    former.values.length > 0 && h("div", { class: "panel scroll" }, h("table", { "aria-label": "Target and settings" },
      h("thead", null, h("tr", null, ["Target or setting", "Before", "Now"].map(text => h("th", { scope: "col" }, text)))),
      h("tbody", null, former.values.map(one => h("tr", null, h("td", null, one.key.replace(/^tool\.pinfold\./, "")), h("td", { class: "mono" }, one.old ?? "–"), h("td", { class: "mono" }, one.new ?? "–")))))),
    h("div", { class: "panel scroll" }, h("table", { class: "changes", "aria-label": "Changed pins" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Pin"), h("th", { scope: "col" }, "Change"), h("th", { scope: "col", class: "low" }, "Asked by"), h("th", { scope: "col", class: "number" }, "Download"))), body)),
  ].filter(Boolean);
}

function describeChange(change) {
  if (change.kind === "added") return change.new ?? "source tree";
  if (change.kind === "removed") return change.old ?? "source tree";
  if (change.old !== change.new) return (change.old ?? "source tree") + " → " + (change.new ?? "source tree");
  return change.text.slice(change.text.indexOf(": ") + 2);
}

// ---- The keyboard, the search field and the address

const searchListeners = {};
let waitsForSearch = false;

function onSearch() {
  state.query = find("search").value;
  queryWords = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  if (waitsForSearch) return;
  waitsForSearch = true;
  requestAnimationFrame(() => {
    waitsForSearch = false;
    if (state.view === "image") applySearch();
    else searchListeners[state.view]?.();
    renderCount();
  });
}

function onSearchKey(event) {
  if (event.key === "Enter" && state.view === "graph") { const [best] = findPins(); if (best) select(best, undefined); }
  else if (event.key === "Enter" && state.view === "image" && shownRows.length) select(shownRows[0].pin.name, find("search"));
  else if (event.key === "ArrowDown" && state.view === "image" && shownRows.length) { event.preventDefault(); focusRow(shownRows[0].element); if (!NARROW.matches) select(shownRows[0].pin.name, null); }
}

function onKey(event) {
  const isTyping = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    find("search").focus();
    find("search").select();
  } else if (event.key === "Escape") {
    if (!find("tip").hidden) hideTip();
    if (event.target === find("search") && state.query) { event.preventDefault(); find("search").value = ""; onSearch(); }
    else if (state.selected) deselect();
    else if (state.category !== null) { state.category = null; renderView(); renderCount(); }
  }
}

/** The address tells what is open, so that a link leads to a pin. */
function keepPlace() {
  const words = new URLSearchParams();
  if (state.view !== "image" || VIEWS.locks[2]()) words.set("view", state.view);
  if (state.lock) words.set("lock", state.lock);
  if (state.selected) words.set("pin", state.selected);
  try { history.replaceState(null, "", "#" + words); } catch { /* A page in a frame without an address of its own. */ }
}

function readPlace() {
  const words = new URLSearchParams(location.hash.slice(1));
  if (Object.hasOwn(VIEWS, words.get("view") || "")) state.view = words.get("view");
  if (report.locks[Number(words.get("lock"))]) state.lock = Number(words.get("lock"));
  if (report.locks.length && current().byName.has(words.get("pin"))) state.selected = words.get("pin");
}

if (!report.locks.length) {
  find("view").append(h("p", { class: "empty" }, "This report has no locks."));
} else {
  renderLockChoice();
  readPlace();
  render();
  find("search").addEventListener("input", onSearch);
  find("search").addEventListener("keydown", onSearchKey);
  document.addEventListener("keydown", onKey);
  document.addEventListener("scroll", hideTip, { passive: true });
  addEventListener("beforeprint", () => extendRows(shownRows.length));
  PHONE.addEventListener("change", () => { if (state.view === "graph") renderView(); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; if (state.view === "image") requestAnimationFrame(afterRender); } });
}
})();
