// What is selected, to take away: as Python, as LaTeX, as the generated line that computes it.

import { D, examples, loss, stations } from "./known.js";
import { told } from "./steps.js";
import { store } from "./store.js";
import { factored } from "./walk.js";
import { at, number, texQuotient } from "./text.js";

const place = (id) => document.getElementById(id);

/** The copy buttons. */
export function begin() {
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.addEventListener("click", () => copy(place(button.dataset.copies), button));
  }
}

async function copy(block, button) {
  try {
    await navigator.clipboard.writeText(block.textContent);
  } catch {
    getSelection().selectAllChildren(block); // no permission: it is selected, to be copied by hand
  }
  place("copied").textContent = `${button.dataset.what} copied.`;
}

/** Write them anew. */
export function draw() {
  place("python").textContent = python();
  place("latex").textContent = latex();
  const key = `gradient:${stations[store.weight].name}`;
  place("source").textContent = D.source[key] ?? "";
  place("source-of").textContent = `∂J/∂${stations[store.weight].shown}`;
}

function python() {
  const s = stations[store.weight];
  const changed = store.actions.length
    ? "# the page's numbers were changed since: these are the model's own\n"
    : "";
  const places = store.index.join(", ");
  const index = places ? `[${places}]` : "";
  const unit = places ? `, unit=(${places}${store.index.length === 1 ? "," : ""})` : "";
  const values = D.data.map((d) => `"${d.name}": ${array(d)}`).join(", ");
  return (
    `${changed}d = model.derive(${JSON.stringify(s.user)}${unit})\n` +
    `print(d)\n` +
    `d.evaluate({${values}}).gradient${index}` +
    (!told()
      ? ""
      : `  # ${number(store.values.get(`gradient:${s.name}`)[position()], 7).replace("−", "-")}`)
  );
}

/** The user's array as the model's symbol takes it: the page's rows, a target as a column. */
function array(d) {
  const rows = D.rows === examples ? d.name : `${d.name}[:${examples}]`;
  return d.shape.length === 2 && d.shape[1] === 1 ? `${rows}.reshape(-1, 1)` : rows;
}

const position = () =>
  store.index.reduce((p, i, axis) => p * Number(stations[store.weight].shape[axis]) + i, 0);

function latex() {
  const s = stations[store.weight];
  const wanted = texQuotient(stations[loss].title.tex, at(s.unit.tex, ...store.index));
  return `${wanted} = ${factored(store.weight, store.index).map(texProduct).join(" + ") || "0"}`;
}

const COLOURS = { first: "#7b2d8e", second: "#c0392b", third: "#1f5fa8" };

function texProduct(part) {
  if (!part.arrives) return "\\dots";
  const [station, index] = part.arrives;
  const tex = (hop) =>
    texQuotient(
      at(stations[hop.v[0]].unit.tex, hop.v[1]),
      at(stations[hop.u[0]].unit.tex, ...[hop.u[1]].flat()),
    );
  const product =
    station === loss
      ? []
      : [
          texColour(
            "first",
            texQuotient(stations[loss].title.tex, at(stations[station].unit.tex, index)),
          ),
        ];
  if (part.through)
    product.push(texColour("second", `\\underbrace{${tex(part.through)}}_{${part.through.tex}}`));
  product.push(texColour("third", `\\underbrace{${tex(part.own)}}_{${part.own.tex}}`));
  return product.join(" \\cdot ");
}

const texColour = (name, text) => `\\textcolor{${COLOURS[name]}}{${text}}`;
