// What one Node client does in a test: node exercise.js CLIENT server PORT
//                                       node exercise.js CLIENT sentinel PORT,PORT,PORT GROUP
// CLIENT is ioredis or redis. Prints "ready" once it writes, "moved PORT" once it writes to another
// primary, "done" at the end; any failed expectation ends it with a code other than 0.
"use strict";
const assert = require("node:assert");

const HOST = "127.0.0.1";
const [clientName, mode, ports, group] = process.argv.slice(2);
setTimeout(() => fail(new Error("not done within 80 s")), 80_000).unref();

function fail(error) {
  console.error(error);
  process.exit(1);
}

// Both clients behind the few calls that the stories need.
async function connect() {
  const list = ports.split(",").map((port) => ({ host: HOST, port: Number(port) }));
  if (clientName === "ioredis") {
    const Redis = require("ioredis");
    const options = mode === "server" ? list[0] : { sentinels: list, name: group, sentinelRetryStrategy: () => 100 };
    const client = new Redis({ ...options, maxRetriesPerRequest: 1, retryStrategy: () => 100,
      reconnectOnError: (error) => error.message.startsWith("READONLY") });
    client.on("error", () => {});
    return { send: (...words) => client.call(...words), client, close: () => client.disconnect() };
  }
  const redis = require("redis");
  if (mode === "server") {
    const client = redis.createClient({ socket: list[0] });
    client.on("error", () => {});
    await client.connect();
    return { send: (...words) => client.sendCommand(words), client, close: () => client.destroy() };
  }
  const client = redis.createSentinel({ name: group, sentinelRootNodes: list, scanInterval: 200,
    nodeClientOptions: { socket: { connectTimeout: 500, reconnectStrategy: false } } });
  client.on("error", () => {});
  await client.connect();
  return { send: (...words) => client.sendCommand(false, words), client, close: () => client.destroy() };
}

async function exerciseServer({ send, client }) {
  assert.equal(await send("PING"), "PONG");
  assert.equal(await send("SET", "k", "v", "EX", "1000"), "OK");
  assert.equal(await send("GET", "k"), "v");
  assert.equal(await send("GET", "none"), null);
  assert.equal(await send("INCRBY", "n", "41"), 41);
  assert.deepEqual(await send("MGET", "k", "none", "n"), ["v", null, "41"]);
  await assert.rejects(send("INCR", "k"), /not an integer/);
  const many = await Promise.all(Array.from({ length: 2000 }, (_, i) => send("SET", `k${i}`, String(i))));
  assert.ok(many.every((reply) => reply === "OK"));
  const transaction = await (clientName === "ioredis"
    ? client.multi().incr("n").get("n").exec().then((rows) => rows.map(([, value]) => value))
    : client.multi().incr("n").get("n").exec());
  assert.deepEqual(transaction, [42, "42"]);
  await exercisePubSub(client);
  await exerciseHello(client);
}

async function exercisePubSub(client) {
  const listener = client.duplicate();
  listener.on("error", () => {});
  const heard = new Promise((resolve) => {
    if (clientName === "ioredis") {
      listener.on("message", (channel, message) => resolve([channel, message]));
      listener.subscribe("news").then(() => client.publish("news", "hello"));
    } else {
      listener.connect().then(() => listener.subscribe("news", (message, channel) => resolve([channel, message])))
        .then(() => client.publish("news", "hello"));
    }
  });
  assert.deepEqual(await heard, ["news", "hello"]);
  clientName === "ioredis" ? listener.disconnect() : listener.destroy();
}

// node-redis can speak RESP3.
async function exerciseHello(client) {
  if (clientName !== "redis") return;
  const third = client.duplicate({ RESP: 3 });
  third.on("error", () => {});
  await third.connect();
  assert.equal(await third.get("k"), "v");
  assert.equal(await third.get("none"), null);
  third.destroy();
}

async function primaryPort(send) {
  const info = String(await send("INFO", "server"));
  return Number(/tcp_port:(\d+)/.exec(info)[1]);
}

async function exerciseSentinel({ send }) {
  let first = null;
  let written = 0;
  let moved = 0;
  for (let i = 0; moved < 50; i++) {
    try {
      await send("SET", `node:${i}`, String(i));
      const port = await primaryPort(send);
      first ??= port;
      written++;
      if (written === 50) console.log("ready");
      if (port !== first && ++moved === 1) console.log(`moved ${port}`);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

connect()
  .then(async (connection) => {
    await (mode === "server" ? exerciseServer(connection) : exerciseSentinel(connection));
    console.log("done");
    connection.close();
    process.exit(0);
  })
  .catch(fail);
