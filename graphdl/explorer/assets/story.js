// The chosen weight's story in words, with the numbers of this moment.

import { D, loss, stations, usesOf } from "./known.js";
import { done, told } from "./steps.js";
import { chosenAt, hidden, lossNow, store } from "./store.js";
import { factored, slopeOf } from "./walk.js";
import { element, number, plain } from "./text.js";

/** Tell it. */
export function draw() {
  const name = stations[store.weight].name;
  const value = store.given.get(name)[chosenAt()];
  const sentences = [element("p", {}, strong(), ` ${where()} is ${number(value, 4)}.`)];
  if (hidden())
    sentences.push(element("p", {}, "How strongly does the loss depend on it? Guess first."));
  else if (told())
    sentences.push(...effect(store.values.get(`gradient:${name}`)[chosenAt()], value));
  else
    sentences.push(
      element(
        "p",
        {},
        done("forward", loss)
          ? "The backward pass is on its way to it."
          : "First come the values, from the data to the loss.",
      ),
    );
  document.getElementById("story").replaceChildren(...sentences);
}

const strong = () => element("strong", {}, plain(store.weight, ...store.index));

function where() {
  const [use] = usesOf(store.weight);
  if (use?.kind === "matrix") {
    return `leads from ${plain(use.source, store.index[0])} to ${plain(use.target, store.index[1])}, and`;
  }
  if (use?.kind === "vector") {
    const to = plain(use.target, store.index.at(-1));
    return use.plain ? `is added to ${to}, and` : `acts on ${to}, and`;
  }
  return "";
}

function effect(slope, value) {
  const next = store.after.given.get(stations[store.weight].name)[chosenAt()];
  const moves = slope === 0 ? "does not move" : slope > 0 ? "rises" : "falls";
  const change = slope === 0 ? "" : ` by about ${number(Math.abs(slope) * 0.01, 2)}`;
  return [
    element(
      "p",
      {},
      `If it grows by 0.01, the loss J = ${number(lossNow(), 4)} ${moves}${change}: ` +
        `the gradient is ${number(slope, 4)}.`,
    ),
    ...why(),
    element(
      "p",
      {},
      `A step of ${D.optimizer.name} ${rate()}therefore moves it from ${number(value, 4)} ` +
        `to ${number(next, 4)}, and J, with all weights moved, to ${number(store.after.loss, 4)}.`,
    ),
  ];
}

const rate = () =>
  D.optimizer.rate ? `with η = ${number(store.given.get(D.optimizer.rate)[0], 3)} ` : "";

/** The factors, in words. */
function why() {
  const parts = factored(store.weight, store.index);
  const [part] = parts;
  if (!part?.arrives) return [];
  const made = element("p", {}, "Why? The chain rule multiplies ");
  const last = part.through ?? part.own;
  made.append(
    mark("first", "①"),
    ` what arrives from the loss at ${plain(...part.arrives)}, ${number(slopeOf(...part.arrives), 4)}; `,
  );
  if (part.through) {
    made.append(
      mark("second", "②"),
      ` how ${plain(...part.through.v)} answers to ${plain(...part.through.u)}, ${number(last.value, 4)}; `,
    );
  }
  const reads = part.own.reads;
  made.append(mark("third", "③"), ` how ${plain(...part.own.v)} answers to the weight, `);
  made.append(
    reads
      ? `which is ${plain(...reads)} itself, ${number(part.own.value, 4)}.`
      : `${number(part.own.value, 4)}.`,
  );
  const penalised = parts.find((p) => p.arrives?.[0] === loss && p !== part);
  if (penalised) made.append(` The penalty on the weight adds ${number(penalised.own.value, 4)}.`);
  else if (parts.length > 1)
    made.append(` The weight is used ${parts.length} times, and what each use gives is added up.`);
  return [made];
}

const mark = (colour, text) => element("span", { class: `mark ${colour}` }, text);
