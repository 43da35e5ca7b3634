// A web application that keeps its sessions in Redis with express-session and connect-redis: node session_app.js PORT
// (PORT is Redis's). Prints where it serves. Every answer is JSON.
"use strict";
const http = require("node:http");
const session = require("express-session");
const { RedisStore } = require("connect-redis");
const { createClient } = require("redis");

const HOST = "127.0.0.1";
const HOUR_MS = 3_600_000;
const client = createClient({ socket: { host: HOST, port: Number(process.argv[2]), reconnectStrategy: 50 } });
client.on("error", () => {});
const store = new RedisStore({ client });
const sessions = session({ store, secret: "not a secret", resave: false, saveUninitialized: false,
  cookie: { maxAge: HOUR_MS } });
const regenerate = (request) => new Promise((resolve, reject) =>
  request.session.regenerate((error) => (error ? reject(error) : resolve())));
const destroy = (request) => new Promise((resolve, reject) =>
  request.session.destroy((error) => (error ? reject(error) : resolve())));

const routes = {
  "/visit": async (request) => {
    request.session.visits = (request.session.visits ?? 0) + 1;
    return { id: request.sessionID, visits: request.session.visits };
  },
  "/peek": async ({ sessionID: id, session: { visits = 0, user = null } }) => ({ id, visits, user }),
  "/login": async (request) => {
    await regenerate(request);
    request.session.user = "ann";
    return { id: request.sessionID };
  },
  "/logout": async (request) => {
    await destroy(request);
    return {};
  },
  "/end": async (request) => {
    request.session.visits = 0;
    request.session.cookie.maxAge = -1;
    return {};
  },
  "/store/ids": async () => (await store.ids()).sort(),
  "/store/length": async () => store.length(),
  "/store/all": async () => (await store.all()).map(({ id, visits, user }) => ({ id, visits, user })),
  "/store/none": async () => store.get("none"),
  "/store/clear": async () => (await store.clear()) ?? {},
};

const server = http.createServer((request, response) => {
  const answer = (code, value) => {
    response.writeHead(code, { "Content-Type": "application/json" });
    response.end(JSON.stringify(value));
  };
  sessions(request, response, (error) => {
    if (error) return answer(503, String(error));
    const route = routes[request.url];
    if (!route) return answer(404, request.url);
    return route(request).then((value) => answer(200, value), (failure) => answer(503, String(failure)));
  });
});

client.connect().then(() => server.listen(0, HOST, () => console.log(`http://${HOST}:${server.address().port}`)));
