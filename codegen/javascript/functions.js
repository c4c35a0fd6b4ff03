// What printed programs call. A program takes along only what it uses: the functions stand apart by
// blank lines, each with the comment above it. Math.max and Math.min are what a program means by
// maximum and minimum: NaN if either is.

// max(0, a); NaN stays
function relu(a) {
  return a <= 0 ? 0 : a;
}

// -1, 0 or 1; NaN stays
function sign(a) {
  return a > 0 ? 1 : a < 0 ? -1 : a;
}

// a²
function square(a) {
  return a * a;
}

// a - b·floor(a/b)
function mod(a, b) {
  return a - b * Math.floor(a / b);
}

// the remainder of whole numbers, with the sign of b; 0 where b is 0
function modWhole(a, b) {
  if (b === 0) return 0;
  const r = a % b;
  return (r !== 0 && r < 0 !== b < 0 ? r + b : r) + 0;
}

// a to the power of b; unlike **, 1 to any power is 1, and so is -1 to an infinite one
function pow(a, b) {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

// the nearest whole number; of two, the even one
function round(a) {
  const low = Math.floor(a);
  const rest = a - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

// towards zero to a whole number of 64 bits; what has none becomes the least one
function toWhole(a) {
  const whole = Math.trunc(a) + 0;
  return whole >= -(2 ** 63) && whole < 2 ** 63 ? whole : -(2 ** 63);
}

// 1/(1 + e⁻ᵃ), from e^-|a| alone: it never overflows
function sigmoid(a) {
  const e = Math.exp(-Math.abs(a));
  return (a >= 0 ? 1 : e) / (1 + e);
}

// log(1 + eᵃ) = max(a, 0) + log1p(e^-|a|)
function softplus(a) {
  return relu(a) + Math.log1p(Math.exp(-Math.abs(a)));
}

// 2/√π ∫₀ᵃ e^(-t²) dt. Below 2 it is 2/√π e^(-x²) Σ x (2x²)ᵏ / (1·3·…·(2k+1)), all terms of one sign;
// from there on 1 - e^(-x²)/√π / (x + ½/(x + 1/(x + 3/2/(x + …))))
function erf(a) {
  const x = Math.abs(a);
  if (a === 0 || a !== a) return a;
  const scale = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2) {
    let term = x;
    let sum = x;
    for (let k = 1; term > sum * 1e-17; k++) {
      term *= (2 * x * x) / (2 * k + 1);
      sum += term;
    }
    return Math.sign(a) * 2 * scale * sum;
  }
  let fraction = x;
  for (let k = 60; k > 0; k--) fraction = x + k / 2 / fraction;
  return Math.sign(a) * (1 - scale / fraction);
}

// out = a·b, out of rows × columns, each sum over `inner`; ta, tb: the operand lies transposed
function multiply(a, b, out, rows, inner, columns, ta = false, tb = false) {
  const [ai, ak] = ta ? [1, rows] : [inner, 1];
  const [bk, bj] = tb ? [1, inner] : [columns, 1];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a[i * ai + k * ak] * b[k * bk + j * bj];
      out[i * columns + j] = sum;
    }
  }
}

// out[r, :] = the order that sorts the row a[r, :], stable, NaN last
function argsort(a, out, rows, columns) {
  for (let start = 0; start < rows * columns; start += columns) {
    const row = a.subarray(start, start + columns);
    const compare = (i, j) => {
      const [x, y] = [row[i], row[j]];
      return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number(x !== x) - Number(y !== y);
    };
    out.set(Array.from(row, (_, k) => k).sort(compare), start);
  }
}

// are all elements finite?
function allFinite(array) {
  return array.every((a) => Number.isFinite(a));
}

// the high word of the 64-bit product of two 32-bit words, from products of their halves
function highWord(a, b) {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  return a1 * b1 + (middle >>> 16) + ((a0 * b1 + (middle & 0xffff)) >>> 16);
}

// Philox4x32-10: four random 32-bit words, block `index` of a stream at a step
function philox(seed, stream, step, index) {
  let [c0, c1, c2, c3] = [index >>> 0, stream >>> 0, step >>> 0, Math.floor(step / 2 ** 32)];
  let [k0, k1] = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = [highWord(0xd2511f53, c0), Math.imul(0xd2511f53, c0) >>> 0];
    const [high1, low1] = [highWord(0xcd9e8d57, c2), Math.imul(0xcd9e8d57, c2) >>> 0];
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

// k·2⁻⁵³ in [0, 1), k the top 53 bits of two words
function unit64(high, low) {
  return (high * 2 ** 21 + (low >>> 11)) * 2 ** -53;
}

// draw number `element`, uniform on the multiples of 2⁻²⁴ in [0, 1): word e % 4 of block e // 4
function uniform32(seed, stream, step, element) {
  const words = philox(seed, stream, step, Math.floor(element / 4));
  return (words[element % 4] >>> 8) * 2 ** -24;
}

// draw number `element`, uniform on the multiples of 2⁻⁵³ in [0, 1): two words of block e // 2
function uniform64(seed, stream, step, element) {
  const [w0, w1, w2, w3] = philox(seed, stream, step, Math.floor(element / 2));
  return element % 2 === 0 ? unit64(w0, w1) : unit64(w2, w3);
}

// draw number `element` from N(0, 1): √(−2 ln u)·cos 2πv (Box and Muller), with u = (k + ½)·2⁻⁵²
function normal64(seed, stream, step, element) {
  const [w0, w1, w2, w3] = philox(seed, stream, step, element);
  const u = (w0 * 2 ** 20 + (w1 >>> 12) + 0.5) * 2 ** -52;
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * unit64(w2, w3));
}

// the draw of normal64, rounded once to single precision
function normal32(seed, stream, step, element) {
  return Math.fround(normal64(seed, stream, step, element));
}

// a size, which must be a whole number
function size(sizes, name) {
  const value = sizes[name];
  if (Number.isInteger(value) && value >= 0) return value;
  throw new TypeError(`the size ${name} must be a whole number of at least 0, got ${value}`);
}

// how many rows a batch has: all of them where nothing else is said
function batchOf(options, total) {
  const { batch = Math.max(total, 1) } = options;
  if (Number.isInteger(batch) && batch >= 1) return batch;
  throw new TypeError(`batch must be a whole number of at least 1, got ${batch}`);
}

// a number that the program takes
function given(scalars, name) {
  const value = scalars[name];
  if (typeof value === "number") return value;
  throw new TypeError(`the number ${name} must be given, got ${value}`);
}

// an argument that holds values: a typed array of `length` elements in row order
function held(arrays, name, length) {
  const array = arrays[name];
  if (ArrayBuffer.isView(array) && array.length === length) return array;
  const got = ArrayBuffer.isView(array) ? `${array.length} elements` : typeof array;
  throw new TypeError(`${name} must be a typed array of ${length} elements, got ${got}`);
}

// memory that the program writes: kept in `arrays` for whoever looks, and for the next run
function room(arrays, name, Kind, length) {
  const array = arrays[name];
  return array instanceof Kind && array.length === length ? array : (arrays[name] = new Kind(length));
}

// one array that holds variables one after the other; in `arrays` they become parts of it
function joined(arrays, name, Kind, lengths) {
  const whole = room(arrays, name, Kind, Object.values(lengths).reduce((a, b) => a + b, 0));
  let start = 0;
  for (const [part, length] of Object.entries(lengths)) {
    const old = held(arrays, part, length);
    arrays[part] = whole.subarray(start, start + length);
    arrays[part].set(old);
    start += length;
  }
  return whole;
}
