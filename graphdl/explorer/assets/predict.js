// First the guess, then the number: whoever has to say what will happen looks more closely.

import { stations } from "./known.js";
import { chosenAt, chosenKey, hidden, lossWith, lossNow, set, store } from "./store.js";
import { factored, slopeOf } from "./walk.js";
import { number, plain } from "./text.js";

const place = (id) => document.getElementById(id);
const SIGNS = ["negative", "zero", "positive"];
let answer = "";

/** The buttons. */
export function begin() {
  for (const button of document.querySelectorAll("#question button")) {
    button.addEventListener("click", () => {
      answer = said(button.dataset.guess);
      set({ known: new Set([...store.known, chosenKey()]) });
      place("answer").focus();
    });
  }
}

/** The question, or what the answer was worth. */
export function draw() {
  const open = hidden();
  place("question").hidden = !open;
  place("answer").hidden = open || !answer;
  place("answer").textContent = answer;
  if (!open) return;
  answer = "";
  place("asked").textContent = plain(store.weight, ...store.index);
}

/** What happens in truth, when the weight grows by a little. */
function truth() {
  const slope = store.values.get(`gradient:${stations[store.weight].name}`)[chosenAt()];
  return Math.abs(slope) < 1e-7 ? "stays" : slope > 0 ? "rises" : "falls";
}

function said(guess) {
  const name = plain(store.weight, ...store.index);
  const moved = lossWith(stations[store.weight].name, chosenAt(), 0.01) - lossNow();
  const happens = { rises: "rises", falls: "falls", stays: "hardly moves" }[truth()];
  const fact = `With ${name} 0.01 larger, J ${happens}: it changes by ${number(moved, 3)}.`;
  if (guess === "skip") return fact;
  return `${guess === truth() ? "Right." : "Not so."} ${fact} ${because()}`;
}

/** The signs multiply. */
function because() {
  const [part] = factored(store.weight, store.index);
  if (!part?.arrives) return "";
  const factors = [
    slopeOf(...part.arrives),
    ...(part.through ? [part.through.value] : []),
    part.own.value,
  ];
  const signs = factors.map(
    (v, k) => `${"①②③"[part.through || k === 0 ? k : 2]} is ${SIGNS[Math.sign(v) + 1]}`,
  );
  return `For this example ${signs.join(", ")}: the signs multiply.`;
}
