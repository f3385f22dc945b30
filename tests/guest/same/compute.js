// SPDX-License-Identifier: GPL-3.0-or-later
// What a JavaScript engine compiles while it runs: hot integer and floating-point loops, types that change under them,
// objects, closures, regular expressions, typed arrays, WebAssembly. Each line is a result that does not depend on time.
'use strict';

function hash(text) { // FNV-1a
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return h.toString(16);
}

function sieve(n) {
  const composite = new Uint8Array(n + 1);
  let count = 0;
  for (let i = 2; i <= n; i++) {
    if (composite[i]) continue;
    count++;
    for (let j = i * i; j <= n; j += i) composite[j] = 1;
  }
  return count;
}

function matrix(n) {
  const a = [], b = [];
  for (let i = 0; i < n; i++) {
    a.push(Float64Array.from({length: n}, (_, j) => (i * 31 + j * 17) % 101 / 7));
    b.push(Float64Array.from({length: n}, (_, j) => (i * 13 + j * 29) % 97 / 11));
  }
  let trace = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a[i][k] * b[k][j];
      if (i === j) trace += sum;
    }
  return trace;
}

// Compiled for integers, then thrown away and compiled again for what comes next.
function add(a, b) { return a + b; }

function changing_types() {
  let out = '';
  for (const values of [[1, 2], [0.5, 0.25], ['a', 'b'], [2 ** 31, 2 ** 31], [{valueOf: () => 7}, 1], [1n, 2n]]) {
    let last;
    for (let i = 0; i < 20000; i++) last = add(values[0], values[1]);
    out += `${last} `;
  }
  return out;
}

class Shape { area() { return 0; } }
class Square extends Shape { constructor(a) { super(); this.a = a; } area() { return this.a * this.a; } }
class Circle extends Shape { constructor(r) { super(); this.r = r; } area() { return 3 * this.r * this.r; } }

function shapes() {
  const all = [];
  for (let i = 0; i < 3000; i++) all.push(i % 3 ? new Square(i % 50) : new Circle(i % 40));
  let sum = 0;
  for (let round = 0; round < 20; round++) for (const shape of all) sum += shape.area();
  return sum;
}

function words() {
  const counts = new Map();
  const text = Array.from({length: 4000}, (_, i) => `word${(i * i) % 311}`).join(' ');
  for (const [word] of text.matchAll(/\bw[a-z]+(\d)\d*\b/g)) counts.set(word, (counts.get(word) || 0) + 1);
  return JSON.stringify([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 20));
}

function faults() {
  let caught = 0;
  const deep = n => n ? 1 + deep(n - 1) : 0;
  for (let i = 0; i < 2000; i++) {
    try {
      if (i % 4 === 0) null.x;
      else if (i % 4 === 1) throw new RangeError(String(i));
      else if (i % 4 === 2) [].reduce((a, b) => a);
      else caught += deep(50) - 50;
    } catch (error) { caught += error.name.length; }
  }
  try { (function endless() { endless(); })(); } catch (error) { caught += error.name.length; }
  return caught;
}

// f(n) = sum of i * i for i below n, in WebAssembly (which --jitless does not have), called until it is compiled well.
function wasm() {
  const bytes = Uint8Array.from([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 33, 1, 31, 1, 2, 127,
    3, 64, 32, 1, 32, 1, 108, 32, 2, 106, 33, 2, 32, 1, 65, 1, 106, 34, 1, 32, 0, 72, 13, 0, 11, 32, 2, 11]);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  let sum = 0;
  for (let i = 1; i < 400; i++) sum = (sum + instance.exports.f(i)) | 0;
  return sum;
}

console.log('sieve', sieve(200000));
console.log('matrix', matrix(60).toFixed(6));
console.log('types', changing_types());
console.log('shapes', shapes());
console.log('words', hash(words()));
console.log('faults', faults());
console.log('sorted', hash(Array.from({length: 20000}, (_, i) => Math.imul(i, 2654435761) >>> 7).sort((a, b) => a - b).join()));
console.log('made', new Function('n', 'let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s')(300000));
if (typeof WebAssembly !== 'undefined') console.log('wasm', wasm());
