// The model's own step: the program that graphdl made of it, run here with any numbers.

import { D, unpack } from "./known.js";

const ARRAYS = {
  float64: Float64Array,
  float32: Float64Array,
  int64: Float64Array,
  int32: Int32Array,
};

/** Runs one of the page's programs; a run takes arrays by the names of inputs and state. */
export class Engine {
  /** @param {{run: Function}} program @param {any} manifest which buffer is what */
  constructor(program, manifest) {
    this.program = program;
    this.manifest = manifest;
    this.constants = manifest.constants.map((c) => [c.buffer, c.dtype, unpack(c)]);
  }

  /**
   * Every output by its key, such as "value:z1" or "gradient:W1".
   * @param {Map<string, Float64Array>} given data and state by name
   * @param {number} rows examples in the batch
   * @param {number} step number of the step, for random draws
   * @returns {Map<string, Float64Array>}
   */
  run(given, rows, step = 0) {
    const arrays = {};
    for (const [name, buffer] of Object.entries(this.manifest.inputs)) {
      arrays[buffer] = typed(this.manifest.dtypes[name], given.get(name));
    }
    for (const [buffer, dtype, values] of this.constants) arrays[buffer] = typed(dtype, values);
    const sizes = Object.fromEntries(this.manifest.sizes.map((s) => [s, rows]));
    this.program.run(arrays, sizes, this.manifest.scalars, { seed: D.seed, step });
    return new Map(
      Object.entries(this.manifest.outputs).map(([key, buffer]) => [key, arrays[buffer]]),
    );
  }
}

function typed(dtype, values) {
  if (dtype === "bool") return Uint8Array.from(values, (v) => (v ? 1 : 0));
  return (ARRAYS[dtype] ?? Float64Array).from(values);
}

/** The state and the data as they were when the page was made. @returns {Map<string, Float64Array>} */
export function beginning() {
  return new Map([...D.state, ...D.data].map((packed) => [packed.name, unpack(packed)]));
}

/** The same arrays once more, so that changing one leaves the other. */
export function copied(given) {
  return new Map([...given].map(([name, values]) => [name, values.slice()]));
}
