// Everything together: each part is made once, then drawn whenever something has changed.

import * as code from "./code.js";
import * as formula from "./formula.js";
import * as graph from "./graph.js";
import * as numbers from "./numbers.js";
import * as playback from "./playback.js";
import * as predict from "./predict.js";
import * as steps from "./steps.js";
import * as story from "./story.js";
import { chosenKey, onChange, recall, store } from "./store.js";

const parts = [steps, graph, formula, numbers, predict, story, code, playback];

for (const part of parts) part.begin?.();
for (const part of parts) onChange(part.draw);

const theme = document.getElementById("theme");
theme.addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
});

store.known.add(chosenKey()); // the page opens with a weight whose story is told
addEventListener("hashchange", recall);
recall();
document.documentElement.dataset.ready = "";
