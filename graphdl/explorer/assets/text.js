// Numbers and formulas as they are shown.

import { stations } from "./known.js";

const PLACE = 0xe000;

/** A number with so many significant digits and a true minus sign. */
export function number(value, digits = 6) {
  if (value === undefined || Number.isNaN(value)) return "?";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return scientific(value.toExponential(Math.min(digits - 1, 3)));
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

/** 1.2e-5 is 1.2·10⁻⁵. */
function scientific(text) {
  const [digits, power] = text.split("e");
  const raised = [...power.replace("+", "")].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
  return `${digits.replace("-", "−")}·10${raised.join("")}`;
}

/** A number for a picture: short, and of steady width. */
export function brief(value) {
  if (!Number.isFinite(value)) return number(value);
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1000) return String(value).replace("-", "−");
  if (size >= 1000 || (size < 0.001 && size > 0)) {
    return value.toExponential(0).replace("e-", "e−").replace("e+", "e").replace(/^-/, "−");
  }
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size < 0.1 ? 3 : 2).replace("-", "−");
}

/**
 * A formula with the units' numbers put in.
 * @param {string} text LaTeX, or the inside of a math element
 * @param {(station: number) => number[] | null} indexOf the number of a station's unit
 */
export function placed(text, indexOf) {
  return text.replace(/(?:<m\w+[^>]*>)?([\ue000-\uefff])(?:<\/m\w+>)?/g, (found, sign) => {
    const index = indexOf(sign.charCodeAt(0) - PLACE);
    const inner = index === null ? "" : `[${index.join(",")}]`;
    return found.startsWith("<") ? `<mtext>${inner}</mtext>` : inner;
  });
}

/** A formula with the same unit's number everywhere. */
export const at = (text, ...index) => placed(text, () => index);

/** A math element in its line; in display style its fractions are large. */
export const math = (inner, display = false) =>
  `<math xmlns="http://www.w3.org/1998/Math/MathML"${display ? ' displaystyle="true"' : ""}>` +
  `<mrow>${inner}</mrow></math>`;

/** The name of one unit, as the inside of a math element. */
export const unit = (station, ...index) =>
  at(stations[station].unit.mml, ...(index.length ? index : [0]));

/** ∂a/∂b from two names. */
export const quotient = (a, b) =>
  `<mfrac><mrow><mo>∂</mo>${a}</mrow><mrow><mo>∂</mo>${b}</mrow></mfrac>`;

/** The same in LaTeX. */
export const texQuotient = (a, b) => `\\frac{\\partial ${a}}{\\partial ${b}}`;

/** A unit's name as plain text: z₁[2]. */
export function plain(station, ...index) {
  const s = stations[station];
  return s.units === 1 ? s.shown : `${s.shown}[${index.join(", ")}]`;
}

/** An element with attributes and children; strings are text, never markup. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((c) => c !== null));
  return made;
}

/** Markup made by this page from its own formulas, as an element. */
export function formulaElement(inner, display = false, className = "") {
  const made = element("span", { class: `math ${className}` });
  made.innerHTML = math(inner, display);
  return made;
}
