// The signs ①②③ on the lit edges, and in the view of scalars the local derivatives.

import { links } from "./known.js";
import { slotOf } from "./places.js";
import { hidden, store } from "./store.js";
import { brief } from "./text.js";
import { factored, hopsFrom } from "./walk.js";

const SVG = "http://www.w3.org/2000/svg";
const SIGNS = ["①", "②", "③"];
const COLOURS = ["first", "second", "third"];

/** The signs ①②③ on lit edges, and in the view of scalars the local derivatives. */
export function badges() {
  const place = document.getElementById("badges");
  place.replaceChildren();
  for (const part of factored(store.weight, store.index)) {
    if (!part.arrives) continue;
    sign(place, part.own.link, part.own.slots, 2, part.own.value);
    if (part.through) sign(place, part.through.link, part.through.slots, 1, part.through.value);
    for (const hop of hopsFrom(...part.arrives) ?? [])
      sign(place, hop.link, hop.slots, 0, hop.value);
    if (store.view !== "scalars") continue;
    for (const hop of furtherHops(part.arrives)) sign(place, hop.link, hop.slots, 0, hop.value, "");
  }
}

function furtherHops(start) {
  const seen = new Set();
  const found = [];
  let front = (hopsFrom(...start) ?? []).map((h) => h.v);
  while (front.length && found.length < 40) {
    const next = [];
    for (const [s, i] of front) {
      if (seen.has(`${s}.${i}`)) continue;
      seen.add(`${s}.${i}`);
      for (const hop of hopsFrom(s, i) ?? []) {
        found.push(hop);
        next.push(hop.v);
      }
    }
    front = next;
  }
  return found;
}

function sign(place, link, slots, colour, value, badge = SIGNS[colour]) {
  const l = links[link];
  const i = l.source < 0 ? 0 : slotOf(l.source, slots[0]);
  const j = slotOf(l.target, slots[1]);
  const path = i < 0 || j < 0 ? null : document.querySelector(`#e${link}-${i}-${j} .line`);
  if (!path) return;
  const middle = path.getPointAtLength(
    path.getTotalLength() / (store.view === "scalars" ? 2 : 2.6),
  );
  const text = document.createElementNS(SVG, "text");
  const shown = store.view === "scalars" && !hidden() ? `${badge} ${brief(value)}` : badge;
  text.setAttribute("x", middle.x);
  text.setAttribute("y", middle.y + 4);
  text.setAttribute("class", `badge ${COLOURS[colour]}`);
  text.textContent = shown.trim();
  place.append(text);
}
