// The formula: factors that can be pointed at, the paths behind them, the matrix form.

import { D, examples, factors, loss, stations } from "./known.js";
import { onPoint, point } from "./graph.js";
import { countPaths, factored, hopsFrom, paths, slopeOf } from "./walk.js";
import { done, told } from "./steps.js";
import { chosenAt, hidden, store } from "./store.js";
import { element, formulaElement, math, number, plain, quotient, unit } from "./text.js";

const COLOURS = ["first", "second", "third"];
const SIGNS = ["①", "②", "③"];
const SIDE = 5; // rows and columns of a matrix that are shown
const AT_ONCE = 6; // paths that are written out at once
let shown = AT_ONCE;
let last = "";

/** ∂J/∂(a unit), as the inside of a math element. */
const slope = ([station, index]) => quotient(stations[loss].title.mml, unit(station, index));

/** A factor of the product: its formula over its number, in its colour, linked to its edge. */
function chip({ mml, local, value, colour, link, slots, name, ready }) {
  const shown = ready && !hidden();
  const above = `<munder>${mml}<mo stretchy="true">⏟</mo></munder>`;
  const brace = `<munder>${above}<mrow>${local}</mrow></munder>`;
  const face = element("span", { class: "sign", "aria-hidden": "true" }, SIGNS[colour]);
  const made = element(
    "button",
    {
      type: "button",
      class: `chip ${COLOURS[colour]}`,
      "data-edge": link === null ? "" : `${link}|${slots}`,
    },
    face,
    formulaElement(local ? brace : mml, true),
    element("span", { class: "number", "data-value": value }, shown ? number(value) : "?"),
  );
  made.setAttribute("aria-label", `${name}, ${shown ? number(value) : "not told yet"}`);
  if (link !== null) {
    const light = (on) => () => {
      made.classList.toggle("pointed", on);
      point(link, slots, on);
    };
    made.addEventListener("pointerenter", light(true));
    made.addEventListener("pointerleave", light(false));
    made.addEventListener("focus", light(true));
    made.addEventListener("blur", light(false));
  }
  return made;
}

const sign = (text) => element("span", { class: "operator" }, text);

function chipOf(hop, colour) {
  return chip({
    mml: quotient(unit(...hop.v), unit(hop.u[0], ...[hop.u[1]].flat())),
    local: hop.mml,
    value: hop.value,
    colour,
    link: hop.link,
    slots: hop.slots,
    ready: done("forward", hop.v[0]),
    name: `how ${plain(hop.v[0], hop.v[1])} changes with ${plain(hop.u[0], ...[hop.u[1]].flat())}`,
  });
}

function arrivesChip([station, index]) {
  return chip({
    mml: slope([station, index]),
    local: "",
    value: slopeOf(station, index),
    colour: 0,
    link: null,
    slots: null,
    ready: done("backward", station),
    name: `the cotangent of ${plain(station, index)}`,
  });
}

/** The product of a use of the weight: what arrives, the activation, the weight's own factor. */
function product(part) {
  if (!part.arrives) {
    const f = factors[part.use.factor];
    return element("div", { class: "product" }, formulaElement(f.sent.mml, true));
  }
  const hops = [part.through && chipOf(part.through, 1), chipOf(part.own, 2)].filter(Boolean);
  const row = element("div", { class: "product" });
  if (part.arrives[0] !== loss) hops.unshift(arrivesChip(part.arrives));
  hops.forEach((c, k) => row.append(...(k ? [sign("·")] : []), c));
  return row;
}

const worth = (part) => slopeOf(...part.arrives) * (part.through?.value ?? 1) * part.own.value;

/** Draw the pane as it is now. */
export function draw() {
  const key = `${store.weight}.${store.index}.${store.view}`;
  if (key !== last) shown = AT_ONCE;
  last = key;
  const pane = document.getElementById("formula");
  const name = unit(store.weight, ...store.index);
  const total = store.values.get(`gradient:${stations[store.weight].name}`)[chosenAt()];
  const head = element("div", { class: "result" });
  head.append(
    formulaElement(quotient(stations[loss].title.mml, name), true),
    sign("="),
    element(
      "strong",
      { id: "gradient", "data-value": told() ? total : "" },
      told() ? number(total, 7) : "?",
    ),
  );
  const body = store.view === "layers" ? matrixForm() : unitForm(total);
  pane.replaceChildren(head, ...body);
}

function unitForm(total) {
  const parts = factored(store.weight, store.index);
  const rows = parts.flatMap((p, k) => (k ? [sign("+"), product(p)] : [product(p)]));
  const whole = parts.every((p) => p.arrives);
  const made = [...rows];
  if (!whole)
    made.push(
      note(
        "This weight acts on its layer as a whole: " +
          "its gradient is a formula, not a product of single numbers.",
      ),
    );
  else if (stations[parts[0].use.target].batched && examples > 1 && told())
    made.push(overExamples(parts, total));
  if (whole) made.push(...parts.filter((p) => p.arrives[0] !== loss).map(behind));
  return made;
}

function overExamples(parts, total) {
  const sum = (some) => some.reduce((all, p) => all + worth(p), 0);
  const penalty = sum(parts.filter((p) => p.arrives[0] === loss));
  const one = sum(parts.filter((p) => p.arrives[0] !== loss));
  const adds = penalty ? `, and the penalty adds ${number(penalty)}` : "";
  return note(
    `Example ${store.example} gives ${number(one)}; the sum over all ${examples} examples is ` +
      `${number(total - penalty, 7)}${adds}.`,
  );
}

const note = (text) => element("p", { class: "note" }, text);

/** The paths behind ①, written out on demand. */
function behind(part) {
  if (hopsFrom(...part.arrives) === null) return wholeLayer(part.arrives[0]);
  const count = countPaths(...part.arrives);
  const many = count === 1 ? "one path" : `${count.toLocaleString("en")} paths, added up`;
  const title = `Where ① comes from: ${many}`;
  const made = element("details", { class: "paths" }, element("summary", {}, title));
  made.open = store.view === "scalars";
  const fill = () =>
    made.open && made.childElementCount === 1 && made.append(...pathRows(part.arrives, count));
  made.addEventListener("toggle", fill);
  fill();
  return made;
}

/** Where units are not on their own: what the whole layer sends back. */
function wholeLayer(station) {
  const j = stations[loss].title.mml;
  return element(
    "div",
    { class: "note" },
    "① comes from the whole layer at once: ",
    formulaElement(
      `${quotient(j, stations[station].title.mml)}<mo>=</mo>${arriving(station)}`,
      true,
    ),
  );
}

/** What all factors send to a station, added up. */
const arriving = (station) =>
  factors
    .filter((f) => f.u === station)
    .map((f) => `<mrow>${f.sent.mml}</mrow>`)
    .join("<mo>+</mo>");

function pathRows(start, count) {
  const found = paths(...start, shown);
  const rows = found.map(({ from, hops }) => pathRow(from, hops));
  const list = element("ol", {}, ...rows.map((r) => element("li", {}, r)));
  const sum = note(
    !told() ? "" : `${count > 1 ? "Their sum" : "That"} is ① = ${number(slopeOf(...start))}.`,
  );
  if (count <= found.length) return [list, sum];
  const more = element(
    "button",
    { type: "button" },
    `Show more (${found.length} of ${count.toLocaleString("en")})`,
  );
  more.addEventListener("click", () => {
    shown = Math.min(shown * 4, 200);
    draw();
  });
  return shown >= 200
    ? [list, note("No more paths are written out: that is why backpropagation adds up as it goes.")]
    : [list, more];
}

function pathRow(from, hops) {
  const row = element("div", { class: "product small" });
  if (from) row.append(arrivesChip(from));
  hops.forEach((hop) => {
    if (row.childElementCount) row.append(sign("·"));
    row.append(chipOf(hop, 0));
  });
  const value = hops.reduce((p, h) => p * h.value, from ? slopeOf(...from) : 1);
  if (!hops.length && !from) row.append("1");
  row.append(sign("="), element("span", { class: "number" }, told() ? number(value) : "?"));
  return row;
}

// ------------------------------------------------------------------ matrices

/** The sweep down to the chosen weight, in matrices: one line for each name on the way. */
function matrixForm() {
  const way = new Set([store.weight]);
  for (const station of [...D.sweep].reverse()) {
    if (way.has(station)) factors.filter((f) => f.u === station).forEach((f) => way.add(f.v));
  }
  const lines = D.sweep.filter((k) => way.has(k)).map(matrixLine);
  return [
    element("div", { class: "matrices" }, ...lines),
    note(`Shapes: ${shapes([...way])}.`),
    ...(told() ? gradientTable() : []),
  ];
}

/** The numbers of the gradient, the chosen one marked; of a large matrix the part around it. */
function gradientTable() {
  const s = stations[store.weight];
  if (s.shape.length > 2) return [];
  const values = store.values.get(`gradient:${s.name}`);
  const [rows, columns] = s.shape.length === 2 ? s.shape.map(Number) : [1, Number(s.shape[0] ?? 1)];
  const [i, j] = s.shape.length === 2 ? store.index : [0, store.index[0] ?? 0];
  const [top, left] = [start(i, rows), start(j, columns)];
  const body = element("tbody");
  for (let r = top; r < Math.min(rows, top + SIDE); r++) {
    const cells = [];
    for (let c = left; c < Math.min(columns, left + SIDE); c++) {
      cells.push(
        element(
          "td",
          { class: r === i && c === j ? "chosen" : "" },
          number(values[r * columns + c], 3),
        ),
      );
    }
    body.append(element("tr", {}, ...cells));
  }
  const part = rows > SIDE || columns > SIDE ? `, rows from ${top}, columns from ${left}` : "";
  return [note(`∂J/∂${s.shown} in numbers${part}:`), element("table", { class: "grid" }, body)];
}

const start = (at, count) => Math.max(0, Math.min(at - 2, count - SIDE));

function matrixLine(station) {
  const made = element("div", { class: `line${station === store.weight ? " chosen" : ""}` });
  made.innerHTML = math(
    `${quotient(stations[loss].title.mml, stations[station].title.mml)}<mo>=</mo>${arriving(station)}`,
    true,
  );
  return made;
}

const shapes = (way) =>
  way
    .sort((a, b) => a - b)
    .map((k) => `${stations[k].shown} ${stations[k].shape.join("×") || "one number"}`)
    .join(", ");

/** An edge that is looked at lights its factor. */
export function begin() {
  onPoint((link, slots, on) => {
    for (const c of document.querySelectorAll("#formula .chip")) {
      if (c.dataset.edge === `${link}|${slots}`) c.classList.toggle("pointed", on);
    }
  });
}
