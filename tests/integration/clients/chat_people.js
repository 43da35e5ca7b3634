// The people of socketio_test.py, each a socket.io-client. Takes requests as lines of JSON, [verb, name, ...rest], and
// answers each with a line of JSON.
"use strict";
const readline = require("node:readline");
const { io } = require("socket.io-client");

const PATIENCE_MS = 30_000;
setTimeout(() => fail(new Error("not done within 120 s")), 120_000).unref();

function fail(error) {
  console.error(error);
  process.exit(1);
}

// The adapter on streams adds where in the stream a message was.
const OFFSET = /^\d+-\d+$/;
const readable = (word) => (Buffer.isBuffer(word) ? `bytes ${word.toString("hex")}` : word);

class Person {
  constructor(name, url) {
    this.heard = [];
    this.socket = io(url, { auth: { name }, transports: ["websocket"], reconnectionDelay: 10, forceNew: true });
    this.socket.on("said", (...words) => this.hear(words.filter((word) => !OFFSET.test(word)).map(readable)));
    this.socket.on("question", (word, answer) => answer(`${name} on ${word}`));
    this.socket.on("disconnect", (reason) => this.hear([`(${reason})`]));
  }

  hear(words) {
    this.heard.push(words);
    this.wake?.();
  }

  connected() {
    return new Promise((resolve) => (this.socket.connected ? resolve() : this.socket.once("connect", resolve)));
  }

  // All that was heard until each of these words was; without them.
  async until(...ends) {
    const missing = () => ends.filter((end) => !this.heard.some(([word]) => word === end));
    const complain = () => fail(new Error(`not heard: ${missing()}, but ${JSON.stringify(this.heard)}`));
    const late = setTimeout(complain, PATIENCE_MS);
    while (missing().length > 0) await new Promise((resolve) => { this.wake = resolve; });
    clearTimeout(late);
    return this.heard.splice(0).filter(([word]) => !ends.includes(word));
  }
}

const people = new Map();
const verbs = {
  async come(name, url) {
    people.set(name, new Person(name, url));
    await people.get(name).connected();
  },
  ask: (name, event, ...args) => people.get(name).socket.timeout(PATIENCE_MS).emitWithAck(event, args),
  until: (name, ...ends) => people.get(name).until(...ends),
  // The connection breaks; it comes back when and where `back` says.
  async cut(name) {
    const { socket } = people.get(name);
    socket.io.reconnection(false);
    socket.io.engine.close();
  },
  async back(name, url) {
    const person = people.get(name);
    person.socket.io.uri = url;
    person.socket.connect();
    await person.connected();
    return person.socket.recovered;
  },
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [verb, ...rest] = JSON.parse(line);
  verbs[verb](...rest).then((value) => console.log(JSON.stringify(value ?? null)), fail);
});
