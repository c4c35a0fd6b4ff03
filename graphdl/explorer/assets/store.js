// What the reader looks at and has changed, and how all of it stands in the address.

import { Engine, beginning, copied } from "./engine.js";
import { D, examples, flat, loss, stationOf, stations } from "./known.js";

/* global makeProgram */
export const engine = new Engine(makeProgram(), D.engine);

export const VIEWS = ["layers", "units", "scalars"];
const LONGEST = 80; // actions that the address keeps

export const store = {
  given: beginning(),
  values: /** @type {Map<string, Float64Array>} */ (new Map()),
  after: /** @type {{given: Map, loss: number} | null} */ (null), // the state that an update leads to
  time: 0, // updates so far
  losses: /** @type {number[]} */ ([]), // J before each of them
  actions: /** @type {string[]} */ ([]), // edits and updates since the page was opened
  weight: D.start.weight,
  index: D.start.index,
  example: D.start.example,
  view: "units",
  step: -1, // -1: everything is filled in
  ask: true,
  known: new Set(/** weights whose question was answered or skipped */),
};

const listeners = [];

/** Call `listener` whenever something has changed. */
export function onChange(listener) {
  listeners.push(listener);
}

/** Change fields, compute anew, tell everyone, keep the address. */
export function set(changes) {
  Object.assign(store, changes);
  compute();
  for (const listener of listeners) listener(store);
  remember();
}

function compute() {
  store.values = engine.run(store.given, examples, store.time);
  const next = copied(store.given);
  for (const s of D.state) {
    const value = store.values.get(`new:${s.name}`);
    if (value) next.set(s.name, Float64Array.from(value));
  }
  const there = engine.run(next, examples, store.time);
  store.after = { given: next, loss: there.get(lossKey)[0] };
}

const lossKey = `value:${stations[loss].name}`;

/** J as it is. */
export const lossNow = () => store.values.get(lossKey)[0];

/** J with one number of the state or the data moved by h. */
export function lossWith(name, at, h) {
  const moved = new Map(store.given);
  moved.set(name, store.given.get(name).slice());
  moved.get(name)[at] += h;
  return engine.run(moved, examples, store.time).get(lossKey)[0];
}

/** ∂J by central difference, the independent check: no rule of derivatives takes part. */
export function difference(name, at) {
  const h = 1e-5 * Math.max(1, Math.abs(store.given.get(name)[at]));
  return (lossWith(name, at, h) - lossWith(name, at, -h)) / (2 * h);
}

// ------------------------------------------------------------------ what can be done

/** Give one number another value. */
export function edit(name, at, value) {
  if (!Number.isFinite(value) || !store.given.has(name)) return;
  write(name, at, value);
  const same = `${name}.${at}=`;
  if (store.actions.at(-1)?.startsWith(same)) store.actions.pop();
  store.actions.push(same + Number(value.toPrecision(9)));
  set({});
}

function write(name, at, value) {
  const values = store.given.get(name).slice();
  if (at < values.length) values[at] = value;
  store.given = new Map(store.given).set(name, values);
}

/** Take the step of the optimizer. */
export function update() {
  store.actions.push("u");
  set(stepped());
}

function stepped() {
  return {
    losses: [...store.losses, lossNow()],
    given: store.after.given,
    time: store.time + 1,
  };
}

/** Put a whole state in the place of the present one, as playback does. */
export function load(state, action) {
  const given = new Map(store.given);
  for (const [name, values] of state) given.set(name, values.slice());
  set({ given, time: 0, losses: [], actions: [action] });
}

/** Back to how the page was opened. */
export function reset() {
  set({ given: beginning(), time: 0, losses: [], actions: [], step: -1 });
}

/** Choose a weight; its index as far as the weight has it. */
export function choose(weight, index) {
  const shape = stations[weight].shape;
  const held = shape.map((size, axis) => Math.min(Math.max(0, index[axis] ?? 0), Number(size) - 1));
  set({ weight, index: held });
}

/** The chosen weight's position in its array. */
export const chosenAt = () => flat(stations[store.weight].shape, store.index);

/** What tells this weight from all others. */
export const chosenKey = () => `${store.weight}.${store.index}`;

/** Is the answer to the question about this weight still held back? */
export const hidden = () => store.ask && !store.known.has(chosenKey());

// ------------------------------------------------------------------ address

let playState = () => null;

/** Playback tells how to find its recorded states. */
export function onPlayAction(find) {
  playState = find;
}

function remember() {
  const q = new URLSearchParams();
  q.set("w", [stations[store.weight].name, ...store.index].join(","));
  if (store.view !== "units") q.set("view", store.view);
  if (store.example !== D.start.example) q.set("example", store.example);
  if (store.step >= 0) q.set("step", store.step);
  if (!store.ask) q.set("ask", "0");
  if (store.actions.length && store.actions.length <= LONGEST) q.set("do", store.actions.join(";"));
  try {
    history.replaceState(null, "", `#${q}`);
  } catch {
    // in a notebook's frame, which has no address of its own
  }
}

/** Bring the page to what its address says; what it does not understand it leaves. */
export function recall() {
  const q = new URLSearchParams(location.hash.slice(1));
  Object.assign(store, { given: beginning(), time: 0, losses: [], actions: [] });
  const [name, ...index] = (q.get("w") ?? "").split(",");
  const weight = stationOf(name);
  const found = weight >= 0 && stations[weight].role === "weight";
  const changes = {
    view: VIEWS.includes(q.get("view")) ? q.get("view") : "units",
    example: q.has("example") ? whole(q.get("example"), examples - 1) : D.start.example,
    step: q.has("step") ? whole(q.get("step"), 10000) : -1,
    ask: q.get("ask") !== "0",
  };
  Object.assign(store, changes);
  compute();
  for (const action of (q.get("do") ?? "").split(";").filter(Boolean)) replay(action);
  if (found)
    choose(
      weight,
      index.map((i) => whole(i, Infinity)),
    );
  else set({});
}

function replay(action) {
  const state = action.startsWith("p") ? playState(Number(action.slice(1))) : null;
  const change = action.match(/^(.*)\.(\d+)=(.*)$/);
  if (action === "u") Object.assign(store, stepped());
  else if (state) for (const [name, values] of state) store.given.set(name, values.slice());
  else if (change && store.given.has(change[1]) && Number.isFinite(Number(change[3]))) {
    write(change[1], Number(change[2]), Number(change[3]));
  } else return;
  store.actions.push(action);
  compute();
}

function whole(text, most) {
  const value = Math.trunc(Number(text));
  return Number.isFinite(value) ? Math.min(Math.max(0, value), most) : 0;
}
