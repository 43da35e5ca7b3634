// What node-redis's README and its examples show, against one server: node node_redis_examples.js PORT SOCKET
"use strict";
const { createClient, createClientPool, RESP_TYPES, WatchError } = require("redis");
const { all, collector, eventually, fail, refused, run } = require("./examples");

const [port, unixSocket] = process.argv.slice(2);
const socket = { host: "127.0.0.1", port: Number(port), reconnectStrategy: 10 };
const IN_BYTES = { commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } };
let client;

async function connected(options = {}) {
  const made = createClient({ socket, ...options });
  made.on("error", () => {});
  await made.connect();
  return made;
}

// Runs with a client of its own, which is closed afterwards.
async function withClient(options, use) {
  const own = await connected(options);
  try {
    return await use(own);
  } finally {
    own.destroy();
  }
}

// Begins to wait for something and lets another client give it, once the server says that it waits.
async function woken(wait, give) {
  return withClient({}, async (own) => {
    const waiting = wait(own);
    await eventually(async () => /blocked_clients:1\b/.test(await client.info("clients")));
    await give();
    return waiting;
  });
}

const people = [{ score: 1, value: "ann" }, { score: 2.5, value: "bob" }, { score: 2.5, value: "eve" },
  { score: -1e20, value: "zoe" }];

const examples = {
  async connectionStatus() {
    const own = createClient({ socket });
    const events = [];
    for (const event of ["connect", "ready", "end", "reconnecting"]) own.on(event, () => events.push(event));
    own.on("error", () => events.push("error"));
    const states = [[own.isOpen, own.isReady]];
    const connecting = own.connect();
    const early = own.ping();  // Waits until the connection is there.
    await connecting;
    states.push([own.isOpen, own.isReady], await early);
    await own.close();
    states.push([own.isOpen, own.isReady], await refused(own.get("k")));
    return { states, events };
  },

  async reconnects() {
    return withClient({}, async (own) => {
      const back = new Promise((resolve) => own.once("ready", resolve));
      const killed = await client.clientKill({ filter: "ID", id: await own.clientId() });
      await back;
      return [killed, await own.set("reconnects", "yes"), await own.get("reconnects")];
    });
  },

  async modifiers() {
    return [
      await client.set("m", "1", { EX: 1000, NX: true }), await client.set("m", "2", { NX: true }),
      await client.set("m", "3", { XX: true, GET: true, KEEPTTL: true }), (await client.ttl("m")) > 100,
      await client.set("m", "4", { expiration: { type: "PX", value: 500_000 }, condition: "XX" }),
      await client.getEx("m", { type: "PERSIST" }),
      await client.ttl("m"), await client.expire("m", 500, "NX"), await client.expire("m", 400, "GT"),
      await client.persist("m"),
      await client.getDel("m"), await client.get("m"), await client.expireAt("none", 2_000_000_000),
    ];
  },

  async strings() {
    return [
      await client.append("s", "Hello"), await client.append("s", " world"), await client.getRange("s", -5, -1),
      await client.setRange("s", 6, "W"), await client.strLen("s"), await client.mSetNX({ s: "x", t: "y" }),
      await client.mSet({ a: "ohmytext", b: "mynewtext" }),
      await client.lcs("a", "b"), await client.lcsLen("a", "b"), await client.lcsIdx("a", "b"),
      await client.incrByFloat("f", 0.1), await client.incrByFloat("f", 0.2),
      await client.decrBy("n", 7), await refused(client.incr("s")), await client.mGet(["s", "none", "n"]),
    ];
  },

  async blockingPops() {
    return [
      await woken((own) => own.blPop("queue", 0), () => client.rPush("queue", ["one", "two"])),
      await client.lRange("queue", 0, -1),
      await woken((own) => own.blMove("from", "to", "LEFT", "RIGHT", 0), () => client.lPush("from", "moved")),
      await client.lRange("to", 0, -1),
      await woken((own) => own.blmPop(0, ["x", "y"], "RIGHT", { COUNT: 2 }), () => client.rPush("y", ["1", "2", "3"])),
      await woken((own) => own.bzPopMin(["za", "zb"], 0), () => client.zAdd("zb", people)),
      await woken((own) => own.bzmPop(0, ["za", "zc"], "MAX", { COUNT: 2 }), () => client.zAdd("zc", people)),
      await withClient({}, (own) => own.blPop("empty", 0.01)),
    ];
  },

  async lists() {
    return [
      await client.rPush("l", ["a", "b", "c", "b", "a"]), await client.lPos("l", "b", { RANK: -1 }),
      await client.lPosCount("l", "a", 0),
      await client.lInsert("l", "BEFORE", "c", "x"), await client.lRem("l", -1, "b"), await client.lSet("l", 0, "A"),
      await client.lRange("l", 0, -1),
      await client.lMove("l", "l2", "RIGHT", "LEFT"), await client.lPopCount("l", 2), await client.lTrim("l", 0, 0),
      await client.lRange("l", 0, -1),
      await client.lmPop(["none", "l2"], "LEFT"), await refused(client.lSet("none", 0, "x")),
    ];
  },

  async hashes() {
    await client.hSet("h", { name: "Redan", count: 1, price: "9.5" });
    return [
      await client.hGetAll("h"), await client.hGetAll("none"), await client.hIncrBy("h", "count", 41),
      await client.hIncrByFloat("h", "price", 0.25),
      await client.hmGet("h", ["name", "none"]), await client.hSetNX("h", "name", "x"),
      await client.hExists("h", "price"), await client.hStrLen("h", "name"),
      (await client.hRandFieldCount("h", 10)).sort(), (await client.hRandFieldCountWithValues("h", -5)).length,
      await client.hDel("h", ["price", "none"]),
      (await client.hKeys("h")).sort(), await refused(client.hIncrBy("h", "name", 1)),
    ];
  },

  async sets() {
    await client.sAdd("s1", ["a", "b", "c", "7"]);
    await client.sAdd("s2", ["b", "c", "d"]);
    return [
      (await client.sInter(["s1", "s2"])).sort(), (await client.sUnion(["s1", "s2"])).sort(),
      (await client.sDiff(["s1", "s2"])).sort(),
      await client.sInterCard(["s1", "s2"], 1), await client.sInterStore("s3", ["s1", "s2"]),
      await client.smIsMember("s1", ["a", "z"]),
      await client.sMove("s1", "s2", "a"), (await client.sRandMemberCount("s2", -10)).length,
      (await client.sPopCount("s3", 5)).sort(), await client.exists("s3"),
    ];
  },

  async sortedSets() {
    return [
      await client.zAdd("z", people),
      await client.zAdd("z", { score: 5, value: "ann" }, { condition: "XX", comparison: "GT", CH: true }),
      await client.zRangeWithScores("z", 0, -1),
      await client.zRange("z", "+inf", "(2", { BY: "SCORE", REV: true, LIMIT: { offset: 1, count: 2 } }),
      await client.zRangeStore("z2", "z", 0, 1, { REV: true }),
      await client.zIncrBy("z", 0.25, "bob"), await client.zRank("z", "zoe"), await client.zRevRank("z", "none"),
      await client.zmScore("z", ["ann", "none"]),
      await client.zUnionStore("z3", [{ key: "z", weight: 2 }, { key: "z2", weight: 1 }], { AGGREGATE: "MAX" }),
      await client.zRangeWithScores("z3", 0, -1),
      await client.zInterWithScores(["z", "z2"]), await client.zDiffWithScores(["z", "z2"]),
      await client.zInterCard(["z", "z2"], { LIMIT: 1 }), await client.zPopMinCount("z", 1),
      await client.zAdd("lex", ["b", "a", "d", "c"].map((value) => ({ score: 0, value }))),
      await client.zRangeByLex("lex", "[b", "(d"), await client.zLexCount("lex", "-", "+"),
      await client.zmPop(["none", "lex"], "MAX", { COUNT: 3 }), await client.zRemRangeByScore("z", "-inf", 2),
      await client.zRem("z", ["eve", "none"]), await client.zRange("z", 0, -1),
    ];
  },

  async sort() {
    await client.rPush("ids", ["3", "1", "2"]);
    await client.mSet({ w1: "30", w2: "10", w3: "20", d1: "one", d2: "two", d3: "three" });
    return [
      await client.sort("ids"), await client.sort("ids", { BY: "w*", GET: ["#", "d*"] }),
      await client.sort("ids", { DIRECTION: "DESC", LIMIT: { offset: 1, count: 2 } }),
      await client.sortStore("ids", "sorted", { BY: "w*", GET: "d*", ALPHA: true }),
      await client.lRange("sorted", 0, -1),
    ];
  },

  async scanIterators() {
    const names = Array.from({ length: 1234 }, (_, i) => `scan:${i}`);
    await client.mSet(names.map((name) => [name, name]));
    await client.hSet("scanned", names.map((name) => [name, "v"]));
    await client.sAdd("scanned set", names);
    await client.zAdd("scanned zset", names.map((value, score) => ({ score, value })));
    const unique = (found) => new Set(found).size;
    return [
      unique(await all(client.scanIterator({ MATCH: "scan:*", COUNT: 100 }))),
      unique(await all(client.scanIterator({ TYPE: "hash" }))) > 0,
      unique((await all(client.hScanIterator("scanned", { MATCH: "*9" }))).map(({ field }) => field)),
      unique(await all(client.sScanIterator("scanned set"))),
      unique((await all(client.zScanIterator("scanned zset", { COUNT: 7 }))).map(({ value }) => value)),
      await client.del(names), await client.unlink(["scanned", "scanned set", "scanned zset"]),
    ];
  },

  async multi() {
    const results = await client.multi().set("in multi", "1").incr("in multi").get("in multi")
      .lRange("none", 0, -1).exec();
    const failed = await client.multi().set("text", "x").incr("text").get("text").exec().catch((error) => error);
    const pipelined = await client.multi().incr("in multi").addCommand(["STRLEN", "text"]).execAsPipeline();
    return { results, failed: failed.replies, indexes: [...failed.errorIndexes], pipelined,
      refused: await refused(client.multi().addCommand(["NOSUCH"]).incr("never").exec()),
      never: await client.exists("never") };
  },

  // Many clients count up with WATCH; none is lost.
  async watch() {
    const pool = await createClientPool({ socket }, { minimum: 3, maximum: 5 }).connect();
    const up = () => pool.execute(async (own) => {
      for (;;) {
        await own.watch("counter");
        const value = Number(await own.get("counter"));
        try {
          return await own.multi().set("counter", value + 1).exec();
        } catch (error) {
          if (!(error instanceof WatchError)) throw error;
        }
      }
    });
    const done = await Promise.all(Array.from({ length: 40 }, up));
    await pool.close();
    const lost = await withClient({}, async (own) => {
      await own.watch(["watched"]);
      await client.set("watched", "by another");
      return refused(own.multi().set("watched", "mine").exec());
    });
    return [done.length, await client.get("counter"), lost, await client.get("watched")];
  },

  async pubSub() {
    return withClient({}, async (listener) => {
      const plainly = collector();
      const patterns = collector();
      const buffers = collector();
      const sharded = collector();
      await listener.subscribe(["news", "weather"], plainly.listen);
      await listener.pSubscribe("n?ws", patterns.listen);
      await listener.subscribe("raw", buffers.listen, true);
      await listener.sSubscribe("shard", sharded.listen);
      const reached = [await client.publish("news", "hello"), await client.publish("weather", "rain"),
        await client.publish("raw", Buffer.from([0, 255])),
        await client.sPublish("shard", "in a shard"), await client.publish("nobody", "x")];
      const heard = [await plainly.take(2), await patterns.take(1), await buffers.take(1), await sharded.take(1)];
      const channels = [(await client.pubSubChannels()).sort(), await client.pubSubNumSub(["news", "nobody"]),
        await client.pubSubNumPat(), await client.pubSubShardChannels()];
      await listener.unsubscribe("news");
      await listener.pUnsubscribe("n?ws");
      await listener.sUnsubscribe("shard");
      return { reached, heard, channels,
        after: [await client.publish("news", "gone"), await client.publish("weather", "still there"),
          await plainly.take(1)] };
    });
  },

  async keyspaceEvents() {
    return withClient({}, async (listener) => {
      const { listen, take } = collector();
      await client.configSet("notify-keyspace-events", "KEA");
      await listener.pSubscribe("__key*@0__:*", (message, channel) => listen(channel, message));
      await client.set("event", "1", { PX: 20 });
      const first = await take(4);
      const expired = await take(2);
      await client.multi().lPush("event list", "x").rename("event list", "event list 2").del("event list 2").exec();
      const rest = await take(8);
      await client.configSet("notify-keyspace-events", "");
      return [first, expired, rest];
    });
  },

  async streams() {
    const seen = [await client.xAdd("st", "1-1", { name: "a", n: "1" }),
      await client.xAdd("st", "1-2", { name: "b" }), await refused(client.xAdd("st", "1-1", { x: "y" })),
      await client.xAdd("st", "2-*", { name: "c" }), await client.xRange("st", "-", "+"),
      await client.xRevRange("st", "+", "(1-1", { COUNT: 1 }), await client.xLen("st")];
    seen.push(await client.xRead([{ key: "st", id: "1-1" }], { COUNT: 1 }),
      await woken((own) => own.xRead({ key: "st", id: "$" }, { BLOCK: 0 }),
        () => client.xAdd("st", "3-0", { late: "yes" })));
    const trim = { TRIM: { strategy: "MAXLEN", strategyModifier: "=", threshold: 3 } };
    seen.push(await client.xAdd("st", "4-0", { name: "d" }, trim),
      await client.xTrim("st", "MINID", "3-0"), await client.xDel("st", "3-0"));
    seen.push(await client.xRead({ key: "none", id: "0" }));
    return seen;
  },

  async consumerGroups() {
    await client.xGroupCreate("work", "team", "0", { MKSTREAM: true });
    for (let i = 1; i <= 5; i++) await client.xAdd("work", `${i}-0`, { job: String(i) });
    const read = (consumer, options) => client.xReadGroup("team", consumer, { key: "work", id: ">" }, options);
    const seen = [await refused(client.xGroupCreate("work", "team", "$")),
      await client.xGroupCreateConsumer("work", "team", "idle"), await read("ann", { COUNT: 2 }),
      await read("bob", { COUNT: 2 }),
      await client.xAck("work", "team", ["1-0", "9-9"]), await client.xPending("work", "team")];
    const withoutTimes = (entries) =>
      entries.map(({ id, consumer, deliveriesCounter }) => [id, consumer, deliveriesCounter]);
    seen.push(withoutTimes(await client.xPendingRange("work", "team", "-", "+", 10)),
      await client.xClaim("work", "team", "ann", 0, ["3-0"]),
      await client.xAutoClaimJustId("work", "team", "eve", 0, "4-0"),
      await client.xAutoClaim("work", "team", "eve", 0, "-", { COUNT: 1 }),
      withoutTimes(await client.xPendingRange("work", "team", "-", "+", 10, { consumer: "eve" })));
    seen.push(await client.xReadGroup("team", "eve", { key: "work", id: "0" }), await read("eve"),
      await woken((own) => own.xReadGroup("team", "ann", { key: "work", id: ">" }, { BLOCK: 0, NOACK: true }),
        () => client.xAdd("work", "6-0", { job: "6" })));
    const [group] = await client.xInfoGroups("work");
    const { length, groups, "first-entry": first, "entries-added": added } = await client.xInfoStream("work");
    seen.push(group, { length, groups, first, added },
      (await client.xInfoConsumers("work", "team")).map(({ name, pending }) => [name, pending]),
      await client.xGroupDelConsumer("work", "team", "eve"),
      await client.xGroupSetId("work", "team", "0"), await client.xGroupDestroy("work", "team"),
      await refused(read("ann")));
    return seen;
  },

  async geo() {
    const box = { width: 400, height: 400, unit: "km" };
    const circle = { radius: 200, unit: "km" };
    const here = { longitude: 15, latitude: 37 };
    await client.geoAdd("Sicily", [{ longitude: 13.361389, latitude: 38.115556, member: "Palermo" },
      { longitude: 15.087269, latitude: 37.502669, member: "Catania" }]);
    return [await client.geoDist("Sicily", "Palermo", "Catania", "km"),
      await client.geoHash("Sicily", ["Palermo", "none"]), await client.geoPos("Sicily", "Catania"),
      await client.geoSearchWith("Sicily", here, circle, ["WITHDIST", "WITHCOORD", "WITHHASH"], { SORT: "ASC" }),
      await client.geoSearchStore("near", "Sicily", "Palermo", box, { STOREDIST: true }),
      await client.zRangeWithScores("near", 0, -1)];
  },

  async bits() {
    return [await client.setBit("bits", 7, 1), await client.setBit("bits", 100, 1), await client.bitCount("bits"),
      await client.bitCount("bits", { start: 1, end: 8, mode: "BIT" }), await client.bitPos("bits", 1),
      await client.bitField("bits", [{ operation: "INCRBY", encoding: "u8", offset: 0, increment: 255 },
        { operation: "OVERFLOW", behavior: "FAIL" },
        { operation: "INCRBY", encoding: "u8", offset: 0, increment: 256 }]),
      await client.bitOp("NOT", "not", "bits"), await withClient(IN_BYTES, (own) => own.get("not"))];
  },

  async hyperLogLog() {
    await client.pfAdd("hll", Array.from({ length: 1000 }, (_, i) => `visitor ${i}`));
    await client.pfAdd("hll2", ["visitor 1", "somebody"]);
    return [await client.pfCount("hll"), await client.pfCount(["hll", "hll2"]),
      await client.pfMerge("hll3", ["hll", "hll2"]), await client.pfCount("hll3"),
      await client.pfAdd("hll", "visitor 5")];
  },

  async dumpAndRestore() {
    await client.rPush("dumped", ["a", "b", "1"]);
    return withClient(IN_BYTES, async (own) => {
      const dump = await own.dump("dumped");
      return [await client.restore("restored", 100_000, dump), await client.lRange("restored", 0, -1),
        (await client.pTTL("restored")) > 0, await refused(client.restore("restored", 0, dump)),
        await client.restore("restored", 0, dump, { REPLACE: true }),
        await refused(client.restore("bad", 0, dump.subarray(1)))];
    });
  },

  async keys() {
    await client.mSet({ "key a": "1", "key b": "2" });
    return [await client.copy("key a", "key c"), await client.copy("key a", "key b"),
      await client.copy("key a", "key b", { REPLACE: true }), await client.renameNX("key a", "key c"),
      await client.rename("key a", "key d"),
      (await client.keys("key *")).sort(), await client.type("key d"), await client.type("none"),
      await client.touch(["key d", "none"]), await client.objectEncoding("key d"), await client.move("key d", 3),
      await withClient({ database: 3 }, (own) => own.get("key d")), await client.exists(["key d", "key c"]),
      await refused(client.rename("none", "x"))];
  },

  async binary() {
    return withClient(IN_BYTES, async (own) => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      await own.set(bytes, bytes);
      const back = await own.get(bytes);
      return [back.equals(bytes), await own.del(bytes), await own.hSet("binary", Buffer.from("f"), Buffer.from([0])),
        await own.hGetAll("binary")];
    });
  },

  async resp3() {
    return withClient({ RESP: 3 }, async (own) => {
      const { listen, take } = collector();
      await own.subscribe("pushed", (message) => listen(message));  // RESP3 lets a subscriber go on with commands.
      await own.hSet("third", { a: "1", b: "2" });
      await own.sAdd("third set", ["x"]);
      const seen = [await own.hGetAll("third"), await own.zRangeWithScores("z3", 0, -1),
        await own.sMembers("third set"), await own.zScore("z3", "ann"), await own.get("none"),
        await own.incrByFloat("third f", 1.5)];
      const mapped = own.withTypeMapping({ [RESP_TYPES.MAP]: Map, [RESP_TYPES.DOUBLE]: String,
        [RESP_TYPES.SET]: Set });
      seen.push(await mapped.hGetAll("third"), await mapped.zScore("z3", "bob"), await mapped.sMembers("third set"),
        await own.publish("pushed", "hello"), await take(1));
      seen.push(await own.configGet("maxmemory"),
        (await own.xReadGroup("none", "c", { key: "third", id: ">" }).catch((error) => error)).message);
      return seen;
    });
  },

  async clients() {
    return withClient({ name: "worker" }, async (own) => {
      const mine = (await client.clientList()).find(({ name }) => name === "worker");
      const info = await own.clientInfo();
      return [await own.clientGetName(), mine.id === (await own.clientId()), info.id === mine.id, info.db, info.cmd,
        await client.clientPause(1, "WRITE"), await client.clientUnpause(), (await client.role()).role];
    });
  },

  async introspection() {
    const [info] = await client.commandInfo(["get"]);
    return [info.name, info.arity, [...info.flags].sort(), info.firstKeyIndex,
      await client.commandGetKeys(["MSET", "a", "1", "b", "2"]), typeof (await client.time()),
      await client.dbSize() > 0,
      await client.configGet("maxmemory-policy"), /role:master/.test(await client.info("replication")),
      await refused(client.sendCommand(["NOSUCH", "x"])), await refused(client.sendCommand(["GET"]))];
  },

  async callbacks() {
    return new Promise((resolve, reject) => {
      const legacy = client.legacy();
      legacy.set("legacy", "old", (error) => (error ? reject(error) : legacy.get("legacy",
        (failure, value) => (failure ? reject(failure) : resolve(value)))));
    });
  },

  async unixSocket() {
    return withClient({ socket: { path: unixSocket } },
      async (own) => [await own.set("by socket", "yes"), await own.get("by socket")]);
  },

  async monitor() {
    return withClient({}, async (own) => {
      const seen = [];
      await own.monitor((line) => seen.push(String(line).replace(/^[\d.]+ \[(\d+) [^\]]+\]/, "[$1]")));
      await client.set("watched", "two words");
      await client.get("watched");
      await eventually(() => seen.length > 1);
      await own.reset();
      await client.del("watched");
      return [...seen, await own.ping()];
    });
  },

  // More than any socket buffer holds, in one go.
  async backpressure() {
    const value = "v".repeat(2000);
    await Promise.all(Array.from({ length: 20_000 }, (_, i) => client.set(`much:${i % 500}`, value)));
    const back = await Promise.all(Array.from({ length: 20_000 }, (_, i) => client.get(`much:${i % 500}`)));
    return [back.every((one) => one === value), await client.del(Array.from({ length: 500 }, (_, i) => `much:${i}`))];
  },
};

connected().then(async (made) => {
  client = made;
  await run(examples);
  client.destroy();
}).then(() => process.exit(0), fail);
