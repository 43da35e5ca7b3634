// What ioredis's README and its examples show, against one server: node ioredis_examples.js PORT SOCKET
"use strict";
const Redis = require("ioredis");
const { collector, eventually, fail, refused, run } = require("./examples");

const [port, unixSocket] = process.argv.slice(2);
const server = { host: "127.0.0.1", port: Number(port), retryStrategy: () => 10 };
let redis;

// Runs with a client of its own, which is closed afterwards.
async function withClient(options, use) {
  const own = new Redis({ ...server, ...options });
  own.on("error", () => {});
  try {
    return await use(own);
  } finally {
    own.disconnect();
  }
}

// Begins to wait for something and lets another client give it, once the server says that it waits.
async function woken(wait, give) {
  return withClient({}, async (own) => {
    const waiting = wait(own);
    await eventually(async () => /blocked_clients:1\b/.test(await redis.info("clients")));
    await give();
    return waiting;
  });
}

// All that a stream of pages yields.
async function streamed(stream) {
  const found = [];
  for await (const page of stream) found.push(...page);
  return found;
}

const examples = {
  async strings() {
    return [
      await redis.set("foo", "bar"), await redis.set("foo", "x", "EX", 1000, "NX"), await redis.setex("foo", 1000, 1),
      await redis.incr("foo"), await redis.incrbyfloat("foo", 0.5), await redis.append("foo", "!"),
      await redis.get("foo"), await redis.getBuffer("foo"), await redis.getset("foo", "new"),
      await redis.getdel("foo"),
      await redis.mset({ a: "1", b: 2 }), await redis.mset(new Map([["c", 3]])), await redis.mget("a", "none", ["c"]),
      await redis.setrange("range", 5, "x"), await redis.getrange("range", 0, -1), await refused(redis.incr("range")),
      await redis.lcs("a", "b", "LEN"), await redis.substr("range", 5, 5), await redis.psetex("short", 1, "x"),
    ];
  },

  async lists() {
    return [
      await redis.rpush("list", "a", "b", ["c", "d"]), await redis.lrange("list", 0, -1), await redis.lpop("list"),
      await redis.rpop("list", 2), await redis.lpush("list", "x", "y"),
      await redis.linsert("list", "AFTER", "y", "z"),
      await redis.lpos("list", "x"), await redis.lmove("list", "list 2", "LEFT", "LEFT"),
      await redis.lmpop(2, "none", "list", "RIGHT", "COUNT", 2), await redis.lrange("list", 0, -1),
      await redis.rpoplpush("list 2", "list"), await redis.ltrim("list", 0, 0), await redis.llen("list"),
    ];
  },

  async hashes() {
    return [
      await redis.hset("hash", "a", 1, "b", 2), await redis.hset("hash", { c: 3 }), await redis.hgetall("hash"),
      await redis.hset("hash", new Map([["d", "4"]])), await redis.hmset("hash", { e: 5 }),
      await redis.hgetall("none"),
      await redis.hincrby("hash", "a", 10), await redis.hmget("hash", "a", "none"),
      await redis.hdel("hash", "b", "c"),
      await redis.hexists("hash", "b"), (await redis.hkeys("hash")).sort(), await redis.hlen("hash"),
    ];
  },

  async sets() {
    return [
      await redis.sadd("set", 1, 3, 5, 7), await redis.sadd("set", ["3", "x"]), await redis.sismember("set", 3),
      await redis.sadd("other", 3, 7, 9), (await redis.sinter("set", "other")).sort(),
      (await redis.sunion("set", "other")).sort(), await redis.sdiffstore("rest", "set", "other"),
      (await redis.smembers("rest")).sort(), await redis.srem("set", "x", "y"),
      await redis.smismember("set", "1", "2"),
      await redis.sintercard(2, "set", "other", "LIMIT", 1), (await redis.spop("other", 9)).sort(),
    ];
  },

  async sortedSets() {
    return [
      await redis.zadd("z", 100, "ann", 200, "bob", "-inf", "eve"), await redis.zadd("z", "GT", "CH", 150, "ann"),
      await redis.zadd("z", "INCR", 1.5, "bob"), await redis.zrange("z", 0, -1, "WITHSCORES"),
      await redis.zrangebyscore("z", "(-inf", "+inf", "WITHSCORES", "LIMIT", 0, 1), await redis.zrevrange("z", 0, 0),
      await redis.zrange("z", "+inf", "-inf", "BYSCORE", "REV", "LIMIT", 1, 1), await redis.zcount("z", 0, 1000),
      await redis.zscore("z", "bob"), await redis.zscore("z", "none"), await redis.zrank("z", "eve"),
      await redis.zunionstore("sum", 2, "z", "z", "WEIGHTS", 1, 2), await redis.zrange("sum", 0, -1, "WITHSCORES"),
      await redis.zpopmax("sum", 2), await redis.zremrangebyrank("z", 0, 0), await redis.zmscore("z", "ann", "eve"),
      await redis.zrem("z", "ann", "none"), await redis.zcard("z"),
    ];
  },

  async expiry() {
    await redis.set("ttl", "x");
    return [
      await redis.ttl("ttl"), await redis.ttl("none"), await redis.expire("ttl", 1000),
      (await redis.ttl("ttl")) > 100,
      await redis.expire("ttl", 10, "GT"), await redis.persist("ttl"), await redis.pexpireat("ttl", 4102444800123),
      await redis.pexpiretime("ttl"), await redis.set("ttl", "y", "KEEPTTL"), await redis.expiretime("ttl"),
      await redis.getex("ttl", "PERSIST"), await redis.pttl("ttl"),
    ];
  },

  // Results are pairs of an error and a value; one that fails stops none of the others.
  async pipelines() {
    const heard = [];
    const results = await redis.pipeline().set("piped", "1").incr("piped", (error, value) => heard.push(value))
      .lpush("piped", "x").get("piped").exec();
    const listed = await redis.pipeline([["set", "piped 2", "a"], ["strlen", "piped 2"]]).exec();
    const many = await Array.from({ length: 5000 }).reduce((pipe, _, i) => pipe.incrby("sum of all", i),
      redis.pipeline()).exec();
    return { results, heard, listed, length: many.length, last: many.at(-1) };
  },

  async transactions() {
    const results = await redis.multi().set("tx", "1").incr("tx").lpush("tx", "x").get("tx").exec();
    const stepwise = [await redis.multi({ pipeline: false }), await redis.set("tx", "2"), await redis.get("tx"),
      await redis.exec()];
    const inPipeline = await redis.pipeline().get("tx").multi().incr("tx").exec().get("tx").exec();
    const aborted = await redis.multi().set("tx", "wrong").call("NOSUCH").exec().catch((error) => error.message);
    const discarded = [await redis.multi({ pipeline: false }), await redis.set("tx", "wrong"), await redis.discard(),
      await redis.get("tx")];
    const watched = await withClient({}, async (own) => {
      await own.watch("tx");
      await redis.set("tx", "by another");
      return own.multi().set("tx", "mine").exec();
    });
    return { results, stepwise, inPipeline, aborted, discarded, watched, now: await redis.get("tx") };
  },

  async pubSub() {
    return withClient({}, async (listener) => {
      const messages = collector();
      const patterns = collector();
      const sharded = collector();
      listener.on("message", messages.listen);
      listener.on("messageBuffer", messages.listen);
      listener.on("pmessage", patterns.listen);
      listener.on("smessage", sharded.listen);
      const counts = [await listener.subscribe("news", "music"), await listener.psubscribe("n*"),
        await listener.ssubscribe("shard")];
      const reached = [await redis.publish("news", "hello"), await redis.publish("music", Buffer.from([0, 255])),
        await redis.spublish("shard", "in a shard"), await redis.publish("nobody", "x")];
      const heard = [await messages.take(4), await patterns.take(2), await sharded.take(1)];
      const about = [(await redis.pubsub("CHANNELS")).sort(), await redis.pubsub("NUMSUB", "news", "none"),
        await redis.pubsub("NUMPAT"), await redis.pubsub("SHARDNUMSUB", "shard")];
      return { counts, reached, heard, about, beside: await refused(listener.get("foo")),
        ended: [await listener.unsubscribe("news", "music"), await listener.punsubscribe("n*"),
          await listener.sunsubscribe("shard")],
        after: await listener.set("listener", "speaks again") };
    });
  },

  // A subscriber that loses its connection subscribes again by itself.
  async resubscribes() {
    return withClient({}, async (listener) => {
      const { listen, take } = collector();
      listener.on("message", listen);
      const id = await listener.client("ID");
      await listener.subscribe("again");
      const back = new Promise((resolve) => listener.once("ready", resolve));
      const killed = await redis.client("KILL", "ID", id);
      await back;
      await eventually(async () => (await redis.pubsub("NUMSUB", "again"))[1] === 1);
      return [killed, await redis.publish("again", "still here"), await take(1)];
    });
  },

  async streams() {
    const noTimes = (rows) => rows.map(([id, consumer, , count]) => [id, consumer, count]);
    const seen = [await redis.xadd("events", "1-0", "user", "ann", "n", 1),
      await redis.xadd("events", "2-0", "user", "bob"),
      await redis.xrange("events", "-", "+"), await redis.xread("COUNT", 1, "STREAMS", "events", "0"),
      await woken((own) => own.xread("BLOCK", 0, "STREAMS", "events", "$"),
        () => redis.xadd("events", "3-0", "user", "eve")),
      await redis.xgroup("CREATE", "events", "team", "0"),
      await refused(redis.xgroup("CREATE", "events", "team", "0")),
      await redis.xreadgroup("GROUP", "team", "one", "COUNT", 2, "STREAMS", "events", ">"),
      await redis.xreadgroup("GROUP", "team", "two", "STREAMS", "events", ">"),
      await redis.xreadgroup("GROUP", "team", "two", "STREAMS", "events", "0"),
      await redis.xack("events", "team", "1-0"),
      await redis.xpending("events", "team"), noTimes(await redis.xpending("events", "team", "-", "+", 10)),
      await redis.xautoclaim("events", "team", "two", 0, "0"),
      await redis.xclaim("events", "team", "one", 0, "2-0", "JUSTID")];
    return [...seen,
      await woken((own) => own.xreadgroup("GROUP", "team", "one", "BLOCK", 0, "STREAMS", "events", ">"),
        () => redis.xadd("events", "MAXLEN", "2", "4-0", "user", "zoe")),
      await redis.xlen("events"), (await redis.xinfo("GROUPS", "events"))[0], await redis.xdel("events", "3-0"),
      await redis.xrevrange("events", "+", "-"), await redis.xgroup("DESTROY", "events", "team")];
  },

  async blockingPops() {
    return [
      await woken((own) => own.blpop("q1", "q2", 0), () => redis.rpush("q2", "x")),
      await woken((own) => own.brpoplpush("q3", "q4", 0), () => redis.rpush("q3", "y")),
      await woken((own) => own.bzpopmax("zq", 0), () => redis.zadd("zq", 1, "a", 2, "b")),
      await woken((own) => own.blmpop(0, 1, "q5", "LEFT", "COUNT", 5), () => redis.rpush("q5", 1, 2, 3)),
      await withClient({}, (own) => own.brpop("empty", 0.01)), await redis.lrange("q4", 0, -1),
    ];
  },

  async scanStreams() {
    const names = Array.from({ length: 777 }, (_, i) => `scan:${i}`);
    await redis.mset(...names.flatMap((name) => [name, "v"]));
    await redis.sadd("scan set", names);
    await redis.hset("scan hash", Object.fromEntries(names.map((name) => [name, "v"])));
    await redis.zadd("scan zset", ...names.flatMap((name, score) => [score, name]));
    const unique = (found) => new Set(found).size;
    const seen = [unique(await streamed(redis.scanStream({ match: "scan:*", count: 50 }))),
      unique(await streamed(redis.scanStream({ type: "zset" }))) > 0,
      unique(await streamed(redis.sscanStream("scan set"))),
      unique(await streamed(redis.hscanStream("scan hash", { match: "scan:1*" }))),
      unique(await streamed(redis.zscanStream("scan zset", { count: 100 })))];
    redis.scanStream({ match: "scan:*" }).on("data", (keys) => keys.length && redis.unlink(keys));
    await eventually(async () => (await streamed(redis.scanStream({ match: "scan:*" }))).length === 0);
    return [...seen, await redis.del("scan set", "scan hash", "scan zset")];
  },

  async keyPrefix() {
    return withClient({ keyPrefix: "app:" }, async (own) => [await own.set("k", "v"), await own.mget("k", "none"),
      await redis.get("app:k"), await own.zadd("zs", 1, "m"), await own.zunionstore("out", 1, "zs"),
      await own.type("out"),
      await redis.exists("app:out", "app:zs"), await own.sort("zs", "BY", "nosort"), await own.rename("k", "k2")]);
  },

  // Commands of one turn of the event loop become one pipeline.
  async autoPipelining() {
    return withClient({ enableAutoPipelining: true }, async (own) => {
      const results = await Promise.all([own.set("auto", 1), own.incr("auto"), own.get("auto"),
        own.hset("auto h", "f", 1)]);
      return [results, await refused(own.incr("auto h")), own.autoPipelineQueueSize];
    });
  },

  async connections() {
    return withClient({ lazyConnect: true, db: 5, connectionName: "named" }, async (own) => {
      const states = [own.status];
      await own.set("elsewhere", "yes");  // Connects.
      states.push(own.status, await own.client("GETNAME"), await redis.exists("elsewhere"), await own.select(0),
        await own.exists("elsewhere"), await own.swapdb(5, 6), await own.select(6), await own.get("elsewhere"));
      const ended = new Promise((resolve) => own.once("end", resolve));
      states.push(await own.quit());
      await ended;
      return [...states, own.status, await refused(own.get("x"))];
    });
  },

  async offlineQueue() {
    return withClient({ enableOfflineQueue: false, lazyConnect: true }, async (own) => {
      const early = await refused(own.get("foo"));  // It connects, but keeps nothing for then.
      await new Promise((resolve) => own.once("ready", resolve));
      return [early, await own.set("online", "now")];
    });
  },

  async binary() {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    return [await redis.set(bytes, bytes), (await redis.getBuffer(bytes)).equals(bytes), await redis.del(bytes),
      await redis.hset("bin", "f", Buffer.from([0, 13, 10])), await redis.hgetallBuffer("bin"),
      await redis.rpush("bin l", bytes), (await redis.lrangeBuffer("bin l", 0, -1))[0].equals(bytes),
      await redis.callBuffer("GET", "online"), (await redis.dumpBuffer("online")).length > 10];
  },

  async keys() {
    await redis.geoadd("geo", 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania");
    await redis.rpush("unsorted", 3, 1, 2);
    return [
      await redis.geosearch("geo", "FROMLONLAT", 15, 37, "BYRADIUS", 200, "km", "ASC", "WITHDIST"),
      await redis.geopos("geo", "none", "Palermo"), await redis.pfadd("hll", "a", "b", "a"),
      await redis.pfcount("hll"),
      await redis.setbit("bits", 7, 1), await redis.bitcount("bits"), await redis.bitfield("bits", "GET", "u4", 4),
      await redis.sort("unsorted", "DESC", "LIMIT", 0, 2), await redis.copy("bits", "bits 2"),
      await redis.type("bits 2"),
      await redis.rename("bits 2", "bits 3"),
      await redis.wait(0, 10), await redis.echo("hi"), (await redis.time()).length, await redis.role(),
      await refused(redis.call("NOSUCH", "a b")), await refused(redis.get()),
    ];
  },

  async unixSocket() {
    const own = new Redis(unixSocket);
    const seen = [await own.set("by socket", "yes"), await own.get("by socket")];
    own.disconnect();
    return seen;
  },

  async monitor() {
    const watching = await redis.monitor();
    const seen = [];
    watching.on("monitor", (time, words, source, database) => seen.push([words, database]));
    await redis.set("watched", "two words");
    await redis.get("watched");
    await eventually(() => seen.length > 1);
    watching.disconnect();
    await redis.del("watched");
    return seen.slice(0, 2);
  },
};

redis = new Redis(server);
redis.on("error", () => {});
run(examples).then(() => process.exit(0), fail);
