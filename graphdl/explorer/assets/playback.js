// A recorded training played again, and what the network says of the whole plane of its two inputs.

import { Engine } from "./engine.js";
import { D, unpack } from "./known.js";
import { load, onPlayAction, store } from "./store.js";
import { number } from "./text.js";

/* global makePredictor */
const SVG = "http://www.w3.org/2000/svg";
const FINE = 48; // squares of the map along each side
const P = D.playback;
const predictor = D.predictor ? new Engine(makePredictor(), D.predictor.engine) : null;
const place = (id) => document.getElementById(id);
let timer = 0;

const states = P ? P.states.map((s) => s.map((v) => [v.name, unpack(v)])) : [];

/** The controls, where there is something to play or to map. */
export function begin() {
  onPlayAction((k) => states[k] ?? null);
  place("playback").hidden = !P && !predictor;
  place("training").hidden = !P;
  place("plane").hidden = !predictor;
  if (!P) return;
  place("played").hidden = !states.length;
  const slider = place("epoch");
  slider.max = states.length - 1;
  slider.value = states.length - 1;
  slider.addEventListener("input", () => show(Number(slider.value)));
  place("play").addEventListener("click", play);
  curve();
}

function show(k) {
  place("epoch").value = String(k);
  load(states[k], `p${k}`);
}

function play() {
  const slider = place("epoch");
  if (timer) return stop();
  let k = Number(slider.value) === states.length - 1 ? 0 : Number(slider.value);
  place("play").textContent = "Pause";
  const slow = matchMedia("(prefers-reduced-motion: reduce)").matches;
  timer = setInterval(
    () => {
      show(k);
      k += 1;
      if (k >= states.length) stop();
    },
    slow ? 1200 : 350,
  );
  return undefined;
}

function stop() {
  clearInterval(timer);
  timer = 0;
  place("play").textContent = "Play";
}

/** The loss of each epoch as a line; the epoch that is shown as a dot. */
function curve() {
  const [w, h, pad] = [320, 120, 8];
  const most = Math.max(...P.loss);
  const least = Math.min(0, ...P.loss);
  const x = (k) => pad + ((w - 2 * pad) * k) / Math.max(1, P.loss.length - 1);
  const y = (v) => h - pad - ((h - 2 * pad) * (v - least)) / (most - least || 1);
  const svg = place("curve");
  svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute(
    "points",
    P.loss.map((v, k) => `${x(k).toFixed(1)},${y(v).toFixed(1)}`).join(" "),
  );
  const dot = document.createElementNS(SVG, "circle");
  dot.setAttribute("r", "5");
  dot.id = "dot";
  svg.append(line, dot);
  svg.dataset.scale = JSON.stringify({ w, pad, h, most, least });
  svg.setAttribute(
    "aria-label",
    `Loss by epoch: from ${number(P.loss[0], 3)} to ${number(P.loss.at(-1), 3)}`,
  );
}

/** Everything as it is now. */
export function draw() {
  if (P) drawEpoch();
  if (predictor) drawMap();
}

function drawEpoch() {
  const k = Number(place("epoch").value);
  const epoch = P.epochs[k] ?? P.loss.length;
  const { w, pad, h, most, least } = JSON.parse(place("curve").dataset.scale);
  const at = Math.max(0, epoch - 1);
  const dot = place("dot");
  dot.setAttribute("cx", String(pad + ((w - 2 * pad) * at) / Math.max(1, P.loss.length - 1)));
  dot.setAttribute(
    "cy",
    String(h - pad - ((h - 2 * pad) * (P.loss[at] - least)) / (most - least || 1)),
  );
  const text =
    epoch === 0 ? "before the first epoch" : `after epoch ${epoch}: loss ${number(P.loss[at], 4)}`;
  place("epoch-said").textContent = text;
  place("epoch").setAttribute("aria-valuetext", text);
}

// ------------------------------------------------------------------ the map

function drawMap() {
  const canvas = place("map");
  const pen = canvas.getContext("2d");
  const { low, high, points, labels, input } = D.predictor;
  const grid = new Float64Array(2 * FINE * FINE);
  for (let k = 0; k < FINE * FINE; k++) {
    grid[2 * k] = low[0] + ((high[0] - low[0]) * ((k % FINE) + 0.5)) / FINE;
    grid[2 * k + 1] = high[1] - ((high[1] - low[1]) * (Math.floor(k / FINE) + 0.5)) / FINE;
  }
  const outputs = predictor.run(new Map(store.given).set(input, grid), FINE * FINE).get("value:ŷ");
  const size = canvas.width / FINE;
  const width = outputs.length / (FINE * FINE);
  for (let k = 0; k < FINE * FINE; k++) {
    pen.fillStyle = colour(outputs.subarray(k * width, (k + 1) * width));
    pen.fillRect((k % FINE) * size, Math.floor(k / FINE) * size, size + 1, size + 1);
  }
  const across = (v) => ((v - low[0]) / (high[0] - low[0])) * canvas.width;
  const up = (v) => (1 - (v - low[1]) / (high[1] - low[1])) * canvas.height;
  points.forEach(([a, b], k) => mark(pen, across(a), up(b), labels[k]));
  const here = store.given.get(input).subarray(2 * store.example, 2 * store.example + 2);
  ring(pen, across(here[0]), up(here[1]));
}

const HUES = [25, 225, 140, 300, 60, 180, 340, 100, 260, 0];

/** One output: orange to blue by its value. Several: the hue of the largest, paler where unsure. */
function colour(output) {
  if (output.length === 1) {
    const share = Math.min(1, Math.max(0, output[0]));
    return share > 0.5
      ? `hsl(215 75% ${92 - 42 * (share - 0.5) * 2}%)`
      : `hsl(28 90% ${92 - 36 * (0.5 - share) * 2}%)`;
  }
  const best = output.reduce((b, v, k) => (v > output[b] ? k : b), 0);
  return `hsl(${HUES[best % HUES.length]} 70% ${95 - 40 * output[best]}%)`;
}

/** A round dot for class 0, a square for 1, then triangles: shape is the second cue. */
function mark(pen, x, y, label) {
  pen.beginPath();
  if (label === 0) pen.arc(x, y, 3, 0, 7);
  else if (label === 1) pen.rect(x - 3, y - 3, 6, 6);
  else {
    pen.moveTo(x, y - 4);
    pen.lineTo(x + 4, y + 3);
    pen.lineTo(x - 4, y + 3);
    pen.closePath();
  }
  pen.fillStyle = ["#b85600", "#1f4f9c"][label] ?? "#2d6b2d";
  pen.fill();
  pen.lineWidth = 0.7;
  pen.strokeStyle = "#fff";
  pen.stroke();
}

function ring(pen, x, y) {
  for (const [width, style] of [
    [5, "#fff"],
    [2.4, "#111"],
  ]) {
    pen.beginPath();
    pen.arc(x, y, 8, 0, 7);
    pen.lineWidth = width;
    pen.strokeStyle = style;
    pen.stroke();
  }
}
