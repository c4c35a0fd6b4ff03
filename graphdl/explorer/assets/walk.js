// The chain rule at single units: the factors of a weight's gradient, and the paths behind them.

import { factors, flat, linkOfFactor, links, loss, stations, usesOf } from "./known.js";
import { store } from "./store.js";
import { at, placed, unit } from "./text.js";

/** @typedef {{v: number[], u: number[], value: number, mml: string, tex: string, link: number,
 *    slots: number[] | null}} Hop one factor ∂v/∂u between [station, unit]s */

/** An element of an output: of the example where it has a row for each. */
export function valueAt(key, station, index) {
  const s = stations[station];
  const values = store.values.get(key) ?? store.given.get(s.name);
  return values?.[s.batched ? store.example * s.units + index : index];
}

/** The value of a unit. */
export const valueOf = (station, index) =>
  valueAt(`value:${stations[station].name}`, station, index);

/** ∂J/∂ of a unit; 1 for the loss itself, nothing for data. */
export function slopeOf(station, index) {
  const s = stations[station];
  if (station === loss) return 1;
  if (s.role === "weight") return store.values.get(`gradient:${s.name}`)?.[index];
  return store.values.has(`cotangent:${s.name}`)
    ? valueAt(`cotangent:${s.name}`, station, index)
    : undefined;
}

/** The factors that carry a station's value on. */
const onward = (station) =>
  factors.map((f, k) => ({ ...f, number: k })).filter((f) => f.u === station && f.v !== station);

/** The single-number factors from a unit to the units after it; null where it is a whole map. */
export function hopsFrom(station, index) {
  const found = [];
  for (const f of onward(station)) {
    const link = linkOfFactor.get(f.number);
    if (link === undefined) return null;
    if (links[link].kind === "matrix") found.push(...matrixHops(f, link, station, index));
    else if (f.kind === "times" && (f.numbers || f.one))
      found.push(valueHop(f, link, station, index));
    else return null;
  }
  return found;
}

function matrixHops(f, link, station, index) {
  const weight = links[link].weight;
  const columns = stations[f.v].units;
  const values = store.given.get(stations[weight].name);
  return Array.from({ length: columns }, (_, j) => ({
    v: [f.v, j],
    u: [station, index],
    value: values[index * columns + j],
    mml: unit(weight, index, j),
    tex: at(stations[weight].unit.tex, index, j),
    link,
    slots: [index, j],
  }));
}

function valueHop(f, link, station, index) {
  const j = stations[f.v].units === stations[station].units ? index : 0;
  const rows = stations[station].batched ? store.example * stations[station].units : 0;
  const local = store.values.get(`local:${f.number}`);
  return {
    v: [f.v, j],
    u: [station, index],
    value: f.one ? 1 : local[rows + index],
    mml: localFormula(f, index, "mml"),
    tex: localFormula(f, index, "tex"),
    link,
    slots: [index, j],
  };
}

/** The local derivative, about the unit where it can be. */
export function localFormula(f, index, form) {
  if (!f.local) return "";
  return f.indexed
    ? placed(f.local[form], (k) => [stations[k].units === 1 ? 0 : index])
    : f.local[form];
}

/**
 * How the chosen weight reaches the loss: one entry for each use of the weight.
 * arrives: [station, unit] whose cotangent the product starts from; through: the activation's hop,
 * or null; own: the factor of the weight itself.
 */
export function factored(weight, index) {
  return usesOf(weight).map((use) => {
    if (isPenalty(use)) return penalty(use, weight, index);
    const j = use.kind === "matrix" ? index[1] : use.kind === "vector" ? index.at(-1) : null;
    if (j === null) return { use, arrives: null, through: null, own: null };
    const own = ownFactor(use, index, j);
    const hops = hopsFrom(use.target, j);
    const one = hops?.length === 1 && links[hops[0].link].kind === "value" && hops[0].v[0] !== loss;
    return one
      ? { use, arrives: hops[0].v, through: hops[0], own }
      : { use, arrives: [use.target, j], through: null, own };
  });
}

/** Does the weight enter the loss by itself, each element for its own? */
const isPenalty = (use) =>
  use.kind === "whole" &&
  use.target === loss &&
  factors[use.factor].numbers &&
  factors[use.factor].kind === "times";

function penalty(use, weight, index) {
  const f = factors[use.factor];
  const form = (name) => (f.indexed ? at(f.local[name], ...index) : f.local[name]);
  const value = store.values.get(`local:${use.factor}`)[flat(stations[weight].shape, index)];
  const own = {
    v: [loss, 0],
    u: [weight, index],
    link: use.number,
    value,
    mml: form("mml"),
    tex: form("tex"),
  };
  return { use, arrives: [loss, 0], through: null, own: { ...own, slots: [0, 0], reads: null } };
}

function ownFactor(use, index, j) {
  const target = stations[use.target];
  const base = { v: [use.target, j], u: [use.weight, index], link: use.number };
  if (use.kind === "matrix") {
    const i = index[0];
    const source = stations[use.source];
    return {
      ...base,
      value: valueOf(use.source, i),
      mml: unit(use.source, i),
      tex: at(source.unit.tex, i),
      slots: [i, j],
      reads: [use.source, i],
    };
  }
  const f = factors[use.factor];
  const row = store.example * target.units + j;
  return {
    ...base,
    value: use.plain ? 1 : store.values.get(`local:${use.factor}`)?.[row],
    mml: use.plain ? "<mn>1</mn>" : localFormula(f, j, "mml"),
    tex: use.plain ? "1" : localFormula(f, j, "tex"),
    slots: [0, j],
    reads: null,
  };
}

/** The number of paths from a unit to the loss. */
export function countPaths(station, index, seen = new Map()) {
  const key = `${station}.${index}`;
  if (station === loss) return 1;
  if (!seen.has(key)) {
    const hops = hopsFrom(station, index);
    const total =
      hops === null ? 1 : hops.reduce((sum, h) => sum + countPaths(h.v[0], h.v[1], seen), 0);
    seen.set(key, total);
  }
  return seen.get(key);
}

/**
 * The first paths from a unit to the loss, each a list of hops, the one nearest the loss first. A
 * path ends early, with `from`, where only the cotangent as a whole is known.
 */
export function paths(station, index, limit) {
  const found = [];
  const go = (s, i, behind) => {
    if (found.length >= limit) return;
    const hops = s === loss ? [] : hopsFrom(s, i);
    if (hops === null || s === loss) {
      found.push({ from: s === loss ? null : [s, i], hops: [...behind].reverse() });
      return;
    }
    for (const h of hops) go(h.v[0], h.v[1], [...behind, h]);
  };
  go(station, index, []);
  return found;
}

/** All units that a unit's value reaches, as links between units: what is lit in the picture. */
export function reached(station, index) {
  const seen = new Set();
  const edges = [];
  const go = (s, i) => {
    if (seen.has(`${s}.${i}`) || s === loss) return;
    seen.add(`${s}.${i}`);
    for (const [k, link] of links.entries()) {
      if (link.source !== s || link.kind === "data") continue;
      const ends =
        link.kind === "matrix"
          ? Array.from({ length: stations[link.target].units }, (_, j) => j)
          : endsOf(link, s, i);
      for (const j of ends) {
        edges.push({ link: k, i, j });
        go(link.target, j);
      }
    }
  };
  go(station, index);
  return edges;
}

function endsOf(link, station, index) {
  if (stations[link.target].units === 1) return [0];
  const known = link.pairs.filter(([i]) => i === index).map(([, j]) => j);
  const same = stations[link.target].units === stations[station].units;
  return known.length ? known : same ? [index] : [];
}
