// The picture: what is filled in, how thick edges are, what is lit.

import { badges } from "./badges.js";
import { D, links, loss, stations, usesOf } from "./known.js";
import { slotOf, unitAt } from "./places.js";
import { current, done } from "./steps.js";
import { choose, hidden, store } from "./store.js";
import { brief, number, plain } from "./text.js";
import { factored, reached, slopeOf, valueOf } from "./walk.js";

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["first", "second", "third"];

/** The ends of an edge as unit numbers: its id says which places it joins. */
function unitsOf(edge) {
  const [link, i, j] = edge.id.slice(1).split("-").map(Number);
  const l = links[link];
  return {
    link: l,
    number: link,
    i: l.source < 0 ? i : unitAt(l.source, i),
    j: unitAt(l.target, j),
  };
}

const indexOf = ({ link, i, j }) =>
  link.kind === "matrix"
    ? [i, j]
    : stations[link.weight].shape.map((size, axis, all) =>
        link.kind === "vector" && axis === all.length - 1 ? j : 0,
      ); // of a weight that acts as a whole, the first element

const edges = [...document.querySelectorAll("#edges > g")];
const buttons = edges.filter((e) => e.classList.contains("weight"));

/** Make the weights of the picture answer to mouse and keyboard. */
export function begin() {
  for (const edge of buttons) {
    edge.setAttribute("role", "button");
    edge.addEventListener("click", () => pick(edge));
    edge.addEventListener("keydown", onKey);
  }
  for (const box of document.querySelectorAll("#flow .weight")) {
    const weight = Number(box.id.slice(1));
    box.setAttribute("role", "button");
    box.setAttribute("tabindex", "0");
    const go = () => choose(weight, store.weight === weight ? store.index : [0, 0, 0, 0]);
    box.addEventListener("click", go);
    box.addEventListener("keydown", (e) => {
      if (e.key === "Enter" || e.key === " ") {
        e.preventDefault();
        go();
      }
    });
  }
}

function pick(edge) {
  const at = unitsOf(edge);
  choose(at.link.weight, indexOf(at));
}

function onKey(event) {
  const here = buttons.indexOf(event.currentTarget);
  const moves = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: buttons.length - 1 };
  if (event.key === "Enter" || event.key === " ") pick(event.currentTarget);
  else if (event.key in moves)
    focusOn(buttons[(moves[event.key] + buttons.length) % buttons.length]);
  else return;
  event.preventDefault();
}

function focusOn(edge) {
  for (const b of buttons) b.setAttribute("tabindex", b === edge ? "0" : "-1");
  edge.focus();
}

/** Draw everything as it is now. */
export function draw() {
  document.getElementById("graph").dataset.view = store.view;
  stations.forEach((s, k) => drawStation(s, k));
  const lit = litEdges();
  for (const edge of edges) drawEdge(edge, lit);
  badges();
  drawFlow(lit);
  showChosen();
}

let lastShown = "";

/** On a narrow screen, bring the chosen weight into the picture's window, once for each choice. */
function showChosen() {
  const key = `${store.weight}.${store.index}.${store.view}`;
  if (key === lastShown) return;
  lastShown = key;
  const frame = document.getElementById("graph");
  const chosen = document.querySelector(
    store.view === "layers" ? `#s${store.weight}` : ".edge.chosen",
  );
  if (!chosen || frame.scrollWidth <= frame.clientWidth) return;
  const box = chosen.getBoundingClientRect();
  const middle = box.left + box.width / 2 - frame.getBoundingClientRect().left;
  frame.scrollLeft += middle - frame.clientWidth / 2;
}

function drawStation(station, k) {
  const leaf = station.role === "weight";
  for (let slot = 0; slot < D.slots[k]; slot++) {
    const unit = unitAt(k, slot);
    const group = document.getElementById(`u${k}-${slot}`);
    if (!group) continue;
    const known = leaf || done("forward", k);
    const value = leaf ? undefined : valueOf(k, unit);
    const slope =
      !leaf && k !== loss && done("backward", k) && !hidden() ? slopeOf(k, unit) : undefined;
    const plainLeaf = leaf && links.some((l) => l.weight === k && l.plain);
    group.querySelector(".value").textContent = leaf
      ? plainLeaf
        ? "1"
        : station.shown
      : known
        ? brief(value)
        : "?";
    group.querySelector(".slope").textContent = slope === undefined ? "" : `∂ ${brief(slope)}`;
    if (!leaf) {
      group.style.setProperty("--tint", known ? Math.min(1, Math.abs(value)) * 55 + "%" : "0%");
      group.classList.toggle("negative", known && value < 0);
      group.setAttribute("aria-label", described(k, unit, known ? value : undefined, slope));
    } else
      group.setAttribute(
        "aria-label",
        plainLeaf ? `the constant 1 of ${station.shown}` : station.shown,
      );
    title(group);
    group.classList.toggle("now", nowAt(k));
  }
}

/** What an element is called, for those who point at it. */
function title(group) {
  let text = group.querySelector("title");
  if (!text) group.prepend((text = document.createElementNS(SVG, "title")));
  text.textContent = group.getAttribute("aria-label");
}

const nowAt = (station) => current()?.station === station;

const described = (k, unit, value, slope) =>
  `${plain(k, unit)}${value === undefined ? " not computed yet" : ` is ${number(value, 4)}`}` +
  (slope === undefined ? "" : `, its cotangent ${number(slope, 4)}`);

/** Edge id -> which of the three colours. */
function litEdges() {
  const lit = new Map();
  for (const part of factored(store.weight, store.index)) {
    if (!part.arrives) {
      lit.set(`${part.use.number}`, 2);
      continue;
    }
    for (const { link, i, j } of reached(...part.arrives)) paint(lit, link, i, j, 0);
    if (part.through) paint(lit, part.through.link, ...part.through.slots, 1);
    lit.set(part.own.link + "|" + part.own.slots, 2);
  }
  return lit;
}

const paint = (lit, link, i, j, colour) => lit.set(`${link}|${i},${j}`, colour);

function colourOf(at, lit) {
  const i = at.link.kind === "vector" || at.link.kind === "whole" ? 0 : at.i;
  return lit.get(`${at.number}|${i},${at.j}`) ?? lit.get(`${at.number}`);
}

function drawEdge(edge, lit) {
  const at = unitsOf(edge);
  const colour = colourOf(at, lit);
  COLOURS.forEach((c, k) => edge.classList.toggle(c, colour === k));
  edge.classList.toggle("lit", colour !== undefined);
  if (at.link.weight < 0) return;
  const index = indexOf(at);
  const values = store.given.get(stations[at.link.weight].name);
  const value =
    values[index.reduce((p, n, axis) => p * stations[at.link.weight].shape[axis] + n, 0)];
  const chosen = at.link.weight === store.weight && String(index) === String(store.index);
  edge.style.setProperty("--thick", `${0.8 + 3.2 * Math.min(1, Math.abs(value) / 2)}px`);
  edge.classList.toggle("negative", value < 0);
  edge.classList.toggle("chosen", chosen);
  edge.setAttribute("aria-label", `weight ${plain(at.link.weight, ...index)}, ${number(value, 4)}`);
  edge.setAttribute("aria-pressed", String(chosen));
  title(edge);
  if (!edge.contains(document.activeElement)) edge.setAttribute("tabindex", chosen ? "0" : "-1");
}

// ------------------------------------------------------------------ layers

function drawFlow(lit) {
  const on = new Set([store.weight]);
  for (const part of factored(store.weight, store.index)) {
    on.add(part.use.target);
    for (const key of lit.keys()) {
      const link = links[Number(key.split("|")[0])];
      if (link.weight !== store.weight) on.add(link.source);
      on.add(link.target);
    }
  }
  for (const use of usesOf(store.weight)) on.delete(use.source);
  stations.forEach((s, k) => {
    const box = document.getElementById(`s${k}`);
    if (!box) return;
    box.classList.toggle("lit", on.has(k));
    box.classList.toggle("chosen", k === store.weight);
    box.classList.toggle("now", nowAt(k));
    if (s.role === "weight") box.setAttribute("aria-pressed", String(k === store.weight));
  });
  for (const arrow of document.querySelectorAll("#flow .arrow")) {
    const [from, to] = arrow.id.slice(1).split("-").map(Number);
    arrow.classList.toggle("lit", on.has(from) && on.has(to));
  }
}

/** Let an edge stand out while its factor is looked at. */
export function point(link, slots, on) {
  const l = links[link];
  const i = l.source < 0 ? 0 : slotOf(l.source, slots[0]);
  const j = slotOf(l.target, slots[1]);
  document.getElementById(`e${link}-${i}-${j}`)?.classList.toggle("pointed", on);
}

/** Call `listener` with an edge's link and units, and whether it is looked at. */
export function onPoint(listener) {
  for (const edge of edges) {
    const tell = (on) => () => {
      const at = unitsOf(edge);
      listener(at.number, at.link.source < 0 ? [0, at.j] : [at.i, at.j], on);
    };
    edge.addEventListener("pointerenter", tell(true));
    edge.addEventListener("pointerleave", tell(false));
    if (!buttons.includes(edge)) continue; // a listener for focus would make it a stop of the tab key
    edge.addEventListener("focus", tell(true));
    edge.addEventListener("blur", tell(false));
  }
}
