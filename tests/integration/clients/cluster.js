// What one cluster client does in a test: node cluster.js CLIENT PORT,PORT,...   (CLIENT is ioredis or redis)
// Writes keys one after the other, of all slots. On "report" from standard input it prints how many were
// acknowledged and which errors it met since the last report; on "stop" also which acknowledged ones are not there
// any more, and ends.
"use strict";
const readline = require("node:readline");

const HOST = "127.0.0.1";
const [clientName, ports] = process.argv.slice(2);
setTimeout(() => fail(new Error("not done within 120 s")), 120_000).unref();

function fail(error) {
  console.error(error);
  process.exit(1);
}

// Both clients behind get and set. What they do about redirects and failovers is their own default.
async function connect() {
  const nodes = ports.split(",").map((port) => ({ host: HOST, port: Number(port) }));
  if (clientName === "ioredis") {
    const { Cluster } = require("ioredis");
    const client = new Cluster(nodes, { slotsRefreshInterval: 500 });
    client.on("error", () => {});
    return { set: (key, value) => client.set(key, value), get: (key) => client.get(key) };
  }
  const { createCluster } = require("redis");
  const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })) });
  client.on("error", () => {});
  await client.connect();
  return { set: (key, value) => client.set(key, value), get: (key) => client.get(key) };
}

async function run({ set, get }) {
  const acknowledged = [];
  let errors = [];
  let stopping = false;
  const report = (more) => {
    console.log(JSON.stringify({ acknowledged: acknowledged.length, errors, ...more }));
    errors = [];
  };
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    line === "stop" ? (stopping = true) : report({});
  });
  // A client may wait for a connection that never comes: then it is asked again.
  const patience = (promise) => {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error("no answer")), 3000); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  };
  for (let i = 0; !stopping; i++) {
    try {
      await patience(set(`${clientName}:${i}`, String(i)));
      acknowledged.push(i);
    } catch (error) {
      errors.push(String(error.message).slice(0, 200));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const lost = [];
  for (const i of acknowledged) {
    if ((await get(`${clientName}:${i}`)) !== String(i)) lost.push(i);
  }
  report({ lost });
}

connect().then(run).then(() => process.exit(0)).catch(fail);
