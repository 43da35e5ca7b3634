// node-redis with its client-side cache, as a test leads it: node caching.js PORT. Each line of JSON is a list of words,
// each answer is a line of JSON.
"use strict";
const readline = require("node:readline");
const { createClient, BasicClientSideCache } = require("redis-with-cache");

const cache = new BasicClientSideCache({ maxEntries: 0, ttl: 0 });
const heard = [];
let wake = () => {};
cache.on("invalidate", (key) => {
  heard.push(key === null ? null : key.toString());
  wake();
});

async function main() {
  const client = createClient({ RESP: 3, clientSideCache: cache, socket: { host: "127.0.0.1", port: Number(process.argv[2]) } });
  client.on("error", () => {});
  await client.connect();
  const acts = {
    get: async (key) => ({ value: await client.get(key), ...counts() }),
    mget: async (...keys) => ({ value: await client.mGet(keys), ...counts() }),
    hgetall: async (key) => ({ value: await client.hGetAll(key), ...counts() }),
    set: async (key, value) => client.set(key, value),
    // Waits until so many invalidations have come, and says which.
    heard: async (count) => {
      while (heard.length < count) await new Promise((resolve) => { wake = resolve; });
      return heard.splice(0);
    },
  };
  const counts = () => { const stats = cache.stats(); return { hits: stats.hitCount, misses: stats.missCount }; };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [act, ...words] = JSON.parse(line);
    console.log(JSON.stringify(await acts[act](...words)));
  }
}

main().catch((error) => { console.error(error); process.exit(1); });
