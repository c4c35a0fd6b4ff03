// What the page was told: the JSON island, its arrays unpacked.

/** @typedef {{tex: string, mml: string}} Formula */
/** @typedef {{name: string, shown: string, role: string, user: string, title: Formula, unit: Formula,
 *    value: Formula | null, batched: boolean, units: number, shape: (number|string)[],
 *    parents: number[]}} Station */
/** @typedef {{v: number, u: number, kind: string, rule: string, local: Formula | null,
 *    indexed: boolean, sent: Formula, numbers: boolean, one: boolean, key: string}} Factor */
/** @typedef {{kind: string, target: number, source: number, weight: number, factor: number,
 *    inward: number, plain: boolean, pairs: number[][]}} Link */

export const D = JSON.parse(document.getElementById("known").textContent);

/** @type {Station[]} */
export const stations = D.stations;
/** @type {Factor[]} */
export const factors = D.factors;
/** @type {Link[]} */
export const links = D.links;

export const loss = stations.findIndex((s) => s.role === "loss");

/** The station of a name. */
export function stationOf(name) {
  return stations.findIndex((s) => s.name === name);
}

/** An array as it was packed by the page's maker. @returns {Float64Array} */
export function unpack(packed) {
  if (packed.list) return Float64Array.from(packed.list);
  if ("all" in packed) return new Float64Array(packed.size).fill(packed.all);
  const kind = packed.float32 ? "float32" : "float64";
  const bytes = Uint8Array.from(atob(packed[kind]), (c) => c.charCodeAt(0));
  const floats =
    kind === "float32" ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  return Float64Array.from(floats);
}

/** The number of examples in the batch. */
export const examples = D.data[0].shape[0];

/** The links that a factor of the chain rule is drawn as. */
export const linkOfFactor = new Map();
links.forEach((link, k) => {
  if (link.kind === "matrix" && link.inward >= 0) linkOfFactor.set(link.inward, k);
  if (link.kind === "value") linkOfFactor.set(link.factor, k);
});

/** The weights that can be chosen, in the order of the network. */
export const weights = stations.map((s, k) => k).filter((k) => stations[k].role === "weight");

/** The uses of a weight, a penalty on it last: a shared one has several. */
export function usesOf(weight) {
  const uses = links.map((link, k) => ({ ...link, number: k })).filter((l) => l.weight === weight);
  return uses.sort((a, b) => (a.kind === "whole") - (b.kind === "whole"));
}

/** Row-major position of an index in an array of that shape. */
export function flat(shape, index) {
  return index.reduce((at, i, axis) => at * Number(shape[axis]) + i, 0);
}
