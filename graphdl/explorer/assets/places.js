// Which units of a large layer are drawn, and where.

import { D, usesOf } from "./known.js";
import { store } from "./store.js";
import { hopsFrom } from "./walk.js";

/** The unit that a place of a station shows: the chosen ones always have a place. */
export function unitAt(station, slot) {
  const wanted = wantedUnits(station).filter((u) => u >= D.slots[station]);
  const fromEnd = D.slots[station] - 1 - slot;
  return fromEnd < wanted.length ? wanted[fromEnd] : slot;
}

/** The place of a unit, or -1 where it is not drawn. */
export function slotOf(station, index) {
  for (let slot = 0; slot < D.slots[station]; slot++)
    if (unitAt(station, slot) === index) return slot;
  return -1;
}

function wantedUnits(station) {
  const wanted = new Set();
  for (const use of usesOf(store.weight)) {
    const j =
      use.kind === "matrix" ? store.index[1] : use.kind === "vector" ? store.index.at(-1) : -1;
    if (use.kind === "matrix" && use.source === station) wanted.add(store.index[0]);
    if (use.target === station) wanted.add(j);
    const next = j < 0 ? null : hopsFrom(use.target, j);
    for (const hop of next ?? [])
      if (hop.v[0] === station && next.length === 1) wanted.add(hop.v[1]);
  }
  wanted.delete(-1);
  return [...wanted];
}
