// One of several socket.io servers of a chat that meet in Redis: node chat_server.js NAME ADAPTER CLIENT PORT
// ADAPTER is pubsub, sharded or streams, CLIENT ioredis, redis or cluster (node-redis's), PORT Redis's. Prints where
// it serves.
"use strict";
const http = require("node:http");
const { Server } = require("socket.io");
const { createAdapter: createPubSubAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
const { createAdapter: createStreamsAdapter } = require("@socket.io/redis-streams-adapter");

const HOST = "127.0.0.1";
const [name, adapterName, clientName, port] = process.argv.slice(2);

async function connect() {
  if (clientName === "ioredis") {
    const Redis = require("ioredis");
    const client = new Redis({ host: HOST, port: Number(port), retryStrategy: () => 50 });
    client.on("error", () => {});
    return client;
  }
  const { createClient, createCluster } = require("redis");
  const options = { socket: { host: HOST, port: Number(port), reconnectStrategy: 50 } };
  const client = clientName === "cluster" ? createCluster({ rootNodes: [options] }) : createClient(options);
  client.on("error", () => {});
  await client.connect();
  return client;
}

async function makeAdapter() {
  const client = await connect();
  if (adapterName === "streams") return createStreamsAdapter(client, { maxLen: 100 });
  if (adapterName === "pubsub") return createPubSubAdapter(client, await connect());
  return createShardedAdapter(client, await connect(), { channelPrefix: "{socket.io}" });  // In one slot.
}

// What a client can ask for; each answers by the acknowledgement.
function serve(io, socket) {
  const answers = {
    join: async (room) => socket.join(room),
    leave: async (room) => socket.leave(room),
    // To one room, or to all.
    say: async (room, ...words) => { (room ? io.to(room) : io).emit("said", ...words); },
    sayBytes: async (hex) => { io.emit("said", Buffer.from(hex, "hex")); },
    sayToAllBut: async (room, word) => { io.except(room).emit("said", word); },
    sayToOthers: async (word) => { socket.broadcast.emit("said", word); },
    sayHere: async (word) => { io.local.emit("said", word); },
    // Every client of every server answers.
    question: async (word) => (await io.timeout(20_000).emitWithAck("question", word)).sort(),
    who: async (room) => (await io.in(room).fetchSockets())
      .map(({ data, rooms }) => `${data.name}@${[...rooms].length}`).sort(),
    move: async (from, to) => { io.in(from).socketsJoin(to); },
    drop: async (room) => { io.in(room).socketsLeave(room); },
    kick: async (room) => { io.in(room).disconnectSockets(); },
    otherServers: async () => (await io.serverSideEmitWithAck("your name")).sort(),
    servers: async () => io.of("/").adapter.serverCount(),
  };
  for (const [event, answer] of Object.entries(answers)) {
    socket.on(event, (args, done) =>
      answer(...args).then((value) => done(value ?? null), (error) => done(String(error))));
  }
}

makeAdapter().then((adapter) => {
  const server = http.createServer();
  const io = new Server(server, { adapter, transports: ["websocket"],
    ...(adapterName === "streams" && { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } }) });
  io.on("connection", (socket) => {
    socket.data.name = socket.handshake.auth.name;
    serve(io, socket);
  });
  io.on("your name", (done) => done(name));
  server.listen(0, HOST, () => console.log(`http://${HOST}:${server.address().port}`));
});
