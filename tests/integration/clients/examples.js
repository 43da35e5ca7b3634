// Runs examples of a client and prints a line of JSON for each: its name and what it saw.
"use strict";

setTimeout(() => fail(new Error("not done within 60 s")), 60_000).unref();

function fail(error) {
  console.error(error);
  process.exit(1);
}

// Values as JSON that tells all of them apart.
function plain(value) {
  if (value === undefined) return "undefined";
  if (Buffer.isBuffer(value)) return `bytes ${value.toString("hex")}`;
  if (value instanceof Error) return `${value.constructor.name}: ${value.message}`;
  if (value instanceof Map) return { map: [...value].map(plain) };
  if (value instanceof Set) return { set: [...value].map(plain).sort() };
  if (typeof value === "number" && !Number.isInteger(value)) return `number ${value}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
  }
  return value;
}

async function run(examples) {
  for (const [name, example] of Object.entries(examples)) {
    const saw = await example().catch((error) => {
      throw new Error(`${name}: ${error.message}`, { cause: error });
    });
    console.log(JSON.stringify([name, plain(saw)]));
  }
}

// What this is refused with; it must be.
async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return error.message;
  }
  throw new Error("it was not refused");
}

// Asks until the answer is yes.
async function eventually(question) {
  while (!(await question())) await new Promise((resolve) => setTimeout(resolve, 5));
}

// Collects what a listener is called with; take(n) waits for n calls.
function collector() {
  const calls = [];
  let wake = () => {};
  const listen = (...words) => {
    calls.push(words);
    wake();
  };
  const take = async (count) => {
    while (calls.length < count) await new Promise((resolve) => { wake = resolve; });
    return calls.splice(0, count);
  };
  return { listen, take };
}

async function all(iterator) {
  const found = [];
  for await (const page of iterator) found.push(...[page].flat());
  return found;
}

module.exports = { all, collector, eventually, fail, refused, run };
