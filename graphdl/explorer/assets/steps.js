// The passes, one named value at a time: forward, backward, update.

import { D, factors, loss, stations } from "./known.js";
import { hidden, lossNow, set, store, update } from "./store.js";
import { element, formulaElement, math, number, quotient } from "./text.js";

/** @typedef {{kind: "forward" | "backward" | "update", station: number}} Step */

const forward = stations.map((s, k) => k).filter((k) => stations[k].parents.length);

/** @type {Step[]} */
export const steps = [
  ...forward.map((station) => ({ kind: "forward", station })),
  ...D.sweep.map((station) => ({ kind: "backward", station })),
  { kind: "update", station: -1 },
];

const position = new Map(steps.map((s, k) => [`${s.kind} ${s.station}`, k]));

/** Has this pass come by this station? Inputs are there from the start. */
export function done(kind, station) {
  const at = position.get(`${kind} ${station}`);
  return store.step < 0 || at === undefined || at < store.step;
}

/** May the chosen weight's gradient be shown: is it computed by now, and guessed at? */
export const told = () => !hidden() && done("backward", store.weight);

/** The step that was done last; null before the first, and where everything is filled in. */
export const current = () => (store.step > 0 ? steps[store.step - 1] : null);

const go = (step) => set({ step: Math.min(Math.max(0, step), steps.length) });
const here = () => (store.step < 0 ? steps.length - 1 : store.step);

/** One step on, or back. */
export const next = () => go(here() + 1);
export const back = () => go(here() - 1);

/** The buttons and the arrow keys. */
export function begin() {
  const on = (id, act) => document.getElementById(id).addEventListener("click", act);
  on("first", () => go(0));
  on("back", back);
  on("next", next);
  on("all", () => set({ step: -1 }));
  on("take", update);
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, [role=slider]");
    if (typing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowRight") next();
    else if (event.key === "ArrowLeft") back();
    else return;
    event.preventDefault();
  });
}

/** Where we are, in words and as a formula. */
export function draw() {
  const k = store.step < 0 ? -1 : store.step - 1;
  document.getElementById("progress").value = store.step < 0 ? steps.length : store.step;
  document.getElementById("progress").max = steps.length;
  document.getElementById("back").disabled = here() === 0;
  document.getElementById("next").disabled = store.step === steps.length;
  document.getElementById("status").replaceChildren(...said(k));
}

/** @returns {(Node | string)[]} */
function said(k) {
  if (store.step < 0) return ["Everything is filled in. Go to the start, and step through it."];
  if (k < 0) return ["Only the data and the weights are known. Next: the forward pass."];
  const { kind, station } = steps[k];
  if (kind === "forward") return forwardWords(station, k);
  return kind === "backward" ? backwardWords(station, k) : updateWords();
}

function forwardWords(station, k) {
  const s = stations[station];
  const count = `Forward ${k + 1} of ${forward.length}: `;
  return [
    count,
    formulaElement(`${s.title.mml}<mo>=</mo>${s.value.mml}`, true),
    station === loss ? ` = ${number(lossNow(), 5)}` : "",
  ];
}

function backwardWords(station, k) {
  const [j, u] = [stations[loss].title.mml, stations[station].title.mml];
  const arriving = factors.filter((f) => f.u === station);
  const sum = arriving.map((f) => `<mrow>${f.sent.mml}</mrow>`).join("<mo>+</mo>");
  const what = stations[station].role === "weight" ? "the gradient" : "the cotangent";
  return [
    `Backward ${k + 1 - forward.length} of ${D.sweep.length}, ${what} `,
    formulaElement(`${quotient(j, u)}<mo>=</mo>${sum}`, true),
    arriving.length > 1 ? ` (${arriving.length} paths meet here, and add up)` : "",
  ];
}

function updateWords() {
  const made = element("span");
  made.innerHTML = D.optimizer.equations ? math(D.optimizer.equations.mml) : "";
  return [
    `Update by ${D.optimizer.name}: `,
    made,
    " The numbers below keep before and after apart.",
  ];
}
