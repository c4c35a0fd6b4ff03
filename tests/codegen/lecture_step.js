// run(arrays, sizes, scalars, options) computes 20 items and returns 0, or 1 + the step at which
// a value was not finite. arrays: name -> typed array in row order; outputs and temps are made where
// they are missing and stay there to be looked at. Floats are doubles, float32 too;
// int64 holds whole numbers up to 2**53, bool is a byte.
function makeProgram() {
  "use strict";
  // max(0, a); NaN stays
  function relu(a) {
    return a <= 0 ? 0 : a;
  }

  // 1/(1 + e⁻ᵃ), from e^-|a| alone: it never overflows
  function sigmoid(a) {
    const e = Math.exp(-Math.abs(a));
    return (a >= 0 ? 1 : e) / (1 + e);
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

  // are all elements finite?
  function allFinite(array) {
    return array.every((a) => Number.isFinite(a));
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

  const parameters = [
    { name: "x1_all", dtype: "float32", role: "input", shape: ({ total }) => [total, 30] },
    { name: "x2_all", dtype: "float32", role: "input", shape: ({ total }) => [total, 1] },
    { name: "W1", dtype: "float32", role: "variable", shape: () => [30, 16] },
    { name: "b1", dtype: "float32", role: "variable", shape: () => [16] },
    { name: "W2", dtype: "float32", role: "variable", shape: () => [16, 1] },
    { name: "b2", dtype: "float32", role: "variable", shape: () => [1] },
    { name: "v1", dtype: "float32", role: "variable", shape: () => [] },
    { name: "v2", dtype: "int64", role: "variable", shape: () => [] },
    { name: "v3", dtype: "float64", role: "variable", shape: () => [] },
    { name: "v4", dtype: "float64", role: "variable", shape: () => [] },
    { name: "order", dtype: "int64", role: "input", shape: ({ total }) => [total] },
  ];
  const temps = [
    { name: "x1", dtype: "float32", role: "temp", shape: ({ n }) => [n, 30] },
    { name: "x2", dtype: "float32", role: "temp", shape: ({ n }) => [n, 1] },
    { name: "z1", dtype: "float32", role: "temp", shape: ({ n }) => [n, 16] },
    { name: "h1", dtype: "float32", role: "temp", shape: ({ n }) => [n, 16] },
    { name: "z2", dtype: "float32", role: "temp", shape: ({ n }) => [n, 1] },
    { name: "t18", dtype: "float32", role: "temp", shape: ({ n }) => [n, 1] },
    { name: "z3", dtype: "float32", role: "temp", shape: () => [16, 1] },
    { name: "s4", dtype: "float64", role: "temp", shape: () => [16] },
    { name: "t20", dtype: "float32", role: "temp", shape: ({ n }) => [n, 16] },
    { name: "t21", dtype: "float32", role: "temp", shape: () => [16] },
    { name: "z5", dtype: "float32", role: "temp", shape: () => [30, 16] },
  ];

  function run(arrays, sizes = {}, scalars = {}, options = {}) {
    const total = size(sizes, "total");
    const batch = batchOf(options, total);
    const { first = 0, last = Math.ceil(total / batch) } = options;
    const { seed = 0, step: time = 0 } = options;
    const x1_all = held(arrays, "x1_all", total * 30); // [total, 30]
    const x2_all = held(arrays, "x2_all", total); // [total, 1]
    const W1 = held(arrays, "W1", 480); // [30, 16]
    const b1 = held(arrays, "b1", 16); // [16]
    const W2 = held(arrays, "W2", 16); // [16, 1]
    const b2 = held(arrays, "b2", 1); // [1]
    const v1 = held(arrays, "v1", 1); // []
    const v2 = held(arrays, "v2", 1); // []
    const v3 = held(arrays, "v3", 1); // []
    const v4 = held(arrays, "v4", 1); // []
    const order = held(arrays, "order", total); // [total]
    const z3 = room(arrays, "z3", Float64Array, 16); // [16, 1]
    const s4 = room(arrays, "s4", Float64Array, 16); // [16]
    const t21 = room(arrays, "t21", Float64Array, 16); // [16]
    const z5 = room(arrays, "z5", Float64Array, 480); // [30, 16]
    for (let now = first; now < last; now++) {
      const step = time + now;
      const start = now * batch;
      const n = Math.min(batch, total - start);
      const x1 = room(arrays, "x1", Float64Array, n * 30); // [n, 30]
      const x2 = room(arrays, "x2", Float64Array, n); // [n, 1]
      const z1 = room(arrays, "z1", Float64Array, n * 16); // [n, 16]
      const h1 = room(arrays, "h1", Float64Array, n * 16); // [n, 16]
      const z2 = room(arrays, "z2", Float64Array, n); // [n, 1]
      const t18 = room(arrays, "t18", Float64Array, n); // [n, 1]
      const t20 = room(arrays, "t20", Float64Array, n * 16); // [n, 16]
      let t12, t10, t19, t11, t31;

      // x1 = the rows of this batch
      for (let i1 = 0; i1 < n; i1++) {
        const a1 = order[start + i1];
        for (let i2 = 0; i2 < 30; i2++) {
          const e1 = x1_all[a1 * 30 + i2];
          x1[i1 * 30 + i2] = e1;
        }
      }

      // x2 = the rows of this batch
      for (let i3 = 0; i3 < n; i3++) {
        const e2 = x2_all[order[start + i3]];
        x2[i3] = e2;
      }

      // z1 = x1 @ W1
      multiply(x1, W1, z1, n, 30, 16);

      // t1 = add(z1, b1)
      // h1 = relu(t1)
      // z2 = matmul(h1, W2)
      for (let i4 = 0; i4 < n; i4++) {
        let s1 = 0;
        for (let i5 = 0; i5 < 16; i5++) {
          const e3 = z1[i4 * 16 + i5] + b1[i5];
          const e4 = relu(e3);
          h1[i4 * 16 + i5] = e4;
          s1 += e4 * W2[i5];
        }
        z2[i4] = s1;
      }

      // t12 = div(c, c)
      const e5 = 1 / n;
      t12 = e5;

      // t2 = add(z2, b2)
      // h2 = relu(t2)
      // t3 = mul(t2, x2)
      // t4 = sub(h2, t3)
      // t5 = abs(t2)
      // t6 = neg(t5)
      let s2 = 0;
      let s3 = 0;
      const a2 = b2[0];
      const a3 = t12;
      for (let i10 = 0; i10 < n; i10++) {
        const e6 = z2[i10] + a2;
        const e7 = relu(e6);
        const e8 = e6 * x2[i10];
        const e9 = e7 - e8;
        const e10 = Math.abs(e6);
        const e11 = -e10;
        const e12 = Math.exp(e11);
        const e13 = Math.log1p(e12);
        const e14 = e9 + e13;
        s2 += e14;
        const e15 = 1 - x2[i10];
        const e16 = sigmoid(e6);
        const e17 = e15 * e16;
        const e18 = -e6;
        const e19 = sigmoid(e18);
        const e20 = x2[i10] * e19;
        const e21 = e17 - e20;
        const e22 = a3 * e21;
        t18[i10] = e22;
        s3 += e22;
      }
      const e23 = s2;
      t10 = e23;
      const e24 = s3;
      t19 = e24;

      // t11 = div(t10, c)
      const e25 = t10 / n;
      t11 = e25;

      // z3 = 0
      for (let i31 = 0; i31 < 16; i31++) {
        z3[i31] = 0;
      }

      // s4 = 0
      for (let i38 = 0; i38 < 16; i38++) {
        s4[i38] = 0;
      }

      // z3 = matmul(h1, t18)
      // z4 = matmul(t18, W2)
      // t20 = where(gt(h1, c), z4, c)
      // t21 = sum(t20)
      for (let i30 = 0; i30 < n; i30++) {
        const a4 = t18[i30];
        for (let i29 = 0; i29 < 16; i29++) {
          z3[i29] += h1[i30 * 16 + i29] * a4;
          const e26 = a4 * W2[i29];
          const e27 = h1[i30 * 16 + i29] > 0 ? e26 : 0;
          t20[i30 * 16 + i29] = e27;
          s4[i29] += e27;
        }
      }

      // t21 = s4
      for (let i39 = 0; i39 < 16; i39++) {
        const e28 = s4[i39];
        t21[i39] = e28;
      }

      // z5 = x1ᵀ @ t20
      multiply(x1, t20, z5, 30, n, 16, true, false);

      // nothing has changed yet: stop here if a value is not finite
      if (!(Number.isFinite(t11) && Number.isFinite(t19) && allFinite(z3) && allFinite(t21) && allFinite(z5))) return now + 1;

      // t22 = mul(v1, z5)
      // t23 = sub(W1, t22)
      // W1 ← new value
      const a6 = v1[0];
      for (let i40 = 0; i40 < 30; i40++) {
        const a5 = a6;
        for (let i41 = 0; i41 < 16; i41++) {
          const e29 = a5 * z5[i40 * 16 + i41];
          const e30 = W1[i40 * 16 + i41] - e29;
          W1[i40 * 16 + i41] = e30;
        }
      }

      // t24 = mul(v1, t21)
      // t25 = sub(b1, t24)
      // b1 ← new value
      const a7 = v1[0];
      for (let i44 = 0; i44 < 16; i44++) {
        const e31 = a7 * t21[i44];
        const e32 = b1[i44] - e31;
        b1[i44] = e32;
      }

      // t26 = mul(v1, z3)
      // t27 = sub(W2, t26)
      // W2 ← new value
      const a8 = v1[0];
      for (let i46 = 0; i46 < 16; i46++) {
        const e33 = a8 * z3[i46];
        const e34 = W2[i46] - e33;
        W2[i46] = e34;
      }

      // t28 = mul(v1, t19)
      // t29 = sub(b2, t28)
      // b2 ← new value
      const e35 = v1[0] * t19;
      const e36 = b2[0] - e35;
      b2[0] = e36;

      // t30 = add(v2, c)
      // v2 ← new value
      const e37 = v2[0] + 1;
      v2[0] = e37;

      // t31 = cast(t11)
      const e38 = t11;
      t31 = e38;

      // t32 = cast(c)
      // t33 = mul(t31, t32)
      // t34 = add(v3, t33)
      // t35 = add(v4, t32)
      // v3 ← new value
      // v4 ← new value
      const e39 = n;
      const e40 = t31 * e39;
      const e41 = v3[0] + e40;
      const e42 = v4[0] + e39;
      v3[0] = e41;
      v4[0] = e42;
    }
    return 0;
  }

  return {
    arguments: parameters,
    temps,
    sizes: ["total"],
    scalars: [],
    run,
  };
}
