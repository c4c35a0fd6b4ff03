// The numbers: what can be changed, the check by differences, every value, before and after a step.

import { D, examples, loss, stations, weights } from "./known.js";
import { difference, chosenAt, choose, edit, hidden, lossNow, reset, set, store } from "./store.js";
import { current, done, told } from "./steps.js";
import { slopeOf, valueOf } from "./walk.js";
import { brief, element, number, plain } from "./text.js";

const MOST = 8; // units of a row that are listed
const FIELDS = 12; // inputs that get a field of their own
const at = (id) => document.getElementById(id);

/** Make the fields, once. */
export function begin() {
  const chooser = at("weight");
  for (const w of weights) {
    chooser.append(element("option", { value: w }, `${stations[w].shown}  ${stations[w].user}`));
  }
  chooser.addEventListener("change", () => choose(Number(chooser.value), []));
  at("value").addEventListener("change", (e) => changeWeight(e.target.valueAsNumber));
  at("slide").addEventListener("input", (e) => changeWeight(e.target.valueAsNumber));
  at("example").max = examples - 1;
  at("example").addEventListener("change", (e) =>
    set({ example: clamp(e.target.valueAsNumber, examples) }),
  );
  at("examples").hidden = examples === 1;
  at("reset").addEventListener("click", reset);
  at("ask").addEventListener("change", (e) => set({ ask: e.target.checked }));
  if (D.optimizer.rate)
    at("rate").addEventListener("change", (e) => edit(D.optimizer.rate, 0, e.target.valueAsNumber));
  else at("rates").hidden = true;
  for (const view of document.getElementsByName("view")) {
    view.addEventListener("change", () => set({ view: view.value }));
  }
}

const clamp = (value, count) => Math.min(Math.max(0, Math.trunc(value) || 0), count - 1);
const changeWeight = (value) => edit(stations[store.weight].name, chosenAt(), value);

/** Show everything as it is now. */
export function draw() {
  drawChoice();
  drawInputs();
  drawCheck();
  drawUpdate();
  drawValues();
}

function drawChoice() {
  const s = stations[store.weight];
  at("weight").value = String(store.weight);
  const values = store.given.get(s.name);
  fill(at("value"), values[chosenAt()]);
  const slide = at("slide");
  const reach = Math.max(2, Math.ceil(Math.abs(values[chosenAt()]) * 1.5));
  if (document.activeElement !== slide) [slide.min, slide.max] = [-reach, reach];
  slide.value = String(values[chosenAt()]);
  slide.setAttribute("aria-label", `value of ${plain(store.weight, ...store.index)}`);
  at("chosen").textContent = plain(store.weight, ...store.index);
  at("ask").checked = store.ask;
  for (const view of document.getElementsByName("view")) view.checked = view.value === store.view;
  drawIndex(s);
}

/** A field for each axis of the weight. */
function drawIndex(s) {
  const place = at("index");
  if (place.dataset.weight !== String(store.weight)) {
    place.dataset.weight = String(store.weight);
    place.replaceChildren(
      ...s.shape.map((size, axis) => {
        const field = element("input", {
          type: "number",
          min: 0,
          max: size - 1,
          "aria-label": axisName(s, axis),
        });
        field.addEventListener("change", () => {
          const index = [...store.index];
          index[axis] = clamp(field.valueAsNumber, size);
          choose(store.weight, index);
        });
        return field;
      }),
    );
  }
  [...place.children].forEach((field, axis) => fill(field, store.index[axis]));
}

const axisName = (s, axis) =>
  s.shape.length === 2
    ? ["from unit", "to unit"][axis]
    : s.shape.length === 1
      ? "unit"
      : `axis ${axis}`;

/** A number in a field, unless someone is typing there. */
function fill(field, value) {
  if (document.activeElement !== field) field.value = String(Number(Number(value).toPrecision(7)));
}

function drawInputs() {
  fill(at("example"), store.example);
  if (D.optimizer.rate) fill(at("rate"), store.given.get(D.optimizer.rate)[0]);
  const place = at("inputs");
  const wanted = D.data.flatMap((d) => positions(d));
  if (place.childElementCount === 0) {
    place.append(...wanted.map(({ d, unit, count }) => inputField(d, unit, count)));
  }
  [...place.querySelectorAll("input")].forEach((field, k) => {
    const { d, unit, count } = wanted[k];
    fill(field, store.given.get(d.name)[store.example * count + unit]);
  });
}

function positions(d) {
  const count = d.shape.slice(1).reduce((p, n) => p * n, 1);
  return Array.from({ length: Math.min(count, FIELDS) }, (_, unit) => ({ d, unit, count }));
}

function inputField(d, unit, count) {
  const name = count === 1 ? d.name : `${d.name}[${unit}]`;
  const title = d.titles?.[unit] ? ` ${d.titles[unit]}` : "";
  const whole = d.dtype.startsWith("int");
  const field = element("input", { type: "number", step: whole ? 1 : "any" });
  if (whole) [field.min, field.max] = [0, d.most];
  field.addEventListener("change", () => {
    const value = field.valueAsNumber;
    if (!whole || (Number.isInteger(value) && value >= 0 && value <= d.most)) {
      edit(d.name, store.example * count + unit, value);
    } else draw();
  });
  return element("label", {}, name + title, field);
}

// ------------------------------------------------------------------ is it true?

function drawCheck() {
  const name = stations[store.weight].name;
  const slope = store.values.get(`gradient:${name}`)[chosenAt()];
  const held = !told();
  tell("check-slope", held ? NaN : slope);
  const measured = held ? NaN : difference(name, chosenAt());
  tell("check-difference", measured);
  const digits = Math.min(
    10,
    Math.floor(-Math.log10(Math.abs(measured - slope) / Math.max(1e-12, Math.abs(slope)))),
  );
  at("agree").textContent = held
    ? hidden()
      ? "Answer or skip the question first."
      : "The backward pass has not come so far."
    : Math.abs(measured - slope) < 1e-9
      ? "They agree."
      : digits >= 4
        ? `They agree to ${digits} digits.`
        : "They differ: at a kink or a jump (relu at 0, a clip) a difference sees both sides.";
  tell("loss-now", lossNow());
}

/** A number into its place, in full for whoever reads the page by program. */
function tell(id, value) {
  const place = at(id);
  place.textContent = Number.isNaN(value) ? "?" : number(value, 7);
  place.dataset.value = Number.isNaN(value) ? "" : String(value);
}

// ------------------------------------------------------------------ before and after

function drawUpdate() {
  const name = stations[store.weight].name;
  const [before, after] = [
    store.given.get(name)[chosenAt()],
    store.after.given.get(name)[chosenAt()],
  ];
  const held = !told();
  at("update-name").textContent = plain(store.weight, ...store.index);
  tell("before", before);
  tell("after", held ? NaN : after);
  tell("move", held ? NaN : after - before);
  tell("loss-before", lossNow());
  tell("loss-after", held ? NaN : store.after.loss);
  tell("loss-move", held ? NaN : store.after.loss - lossNow());
  at("taken").textContent = store.time
    ? `${store.time} step${store.time > 1 ? "s" : ""} taken: J was ${store.losses
        .slice(-4)
        .map((v) => number(v, 4))
        .join(", ")}, and is ${number(lossNow(), 4)}.`
    : "No step taken yet.";
}

// ------------------------------------------------------------------ all values

function drawValues() {
  const rows = stations.map((s, k) => k).filter((k) => stations[k].role !== "weight");
  rows.sort((a, b) => stations[a].depth - stations[b].depth);
  at("values").replaceChildren(...rows.map(valueRow));
  at("values-of").textContent = examples > 1 ? `of example ${store.example}` : "";
}

function valueRow(k) {
  const s = stations[k];
  const count = Math.min(s.units, MOST);
  const units = Array.from({ length: count }, (_, i) => i);
  const more = s.units > count ? ` … ${s.units - count} more` : "";
  const values = done("forward", k) ? units.map((i) => cell(valueOf(k, i))) : ["?"];
  const slopes = units.map((i) => slopeOf(k, i));
  const shown = slopes[0] !== undefined && k !== loss && done("backward", k) && !hidden();
  const row = element(
    "tr",
    { class: current()?.station === k ? "now" : "" },
    element("th", { scope: "row" }, s.shown),
    element("td", {}, ...spaced(values), more),
    element(
      "td",
      { class: "slopes" },
      ...(shown
        ? [...spaced(slopes.map(cell)), more]
        : [s.role === "data" || k === loss ? "" : "?"]),
    ),
  );
  return row;
}

const cell = (v) =>
  element(
    "span",
    { class: v < 0 ? "minus" : "plus", title: number(v, 9), "data-value": v },
    brief(v),
  );
const spaced = (items) => items.flatMap((item, k) => (k ? [" ", item] : [item]));
