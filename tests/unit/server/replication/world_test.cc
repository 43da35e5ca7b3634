// Nodes that replicate from each other over pipes that break anywhere: both machines, the backlog
// and the standing of each node, wired as server/drivers/replication_driver wires them.
//
// Checker: wherever a node says that it stands at (history id, offset), its data must be what the
// node that wrote this history had there. After the storm all nodes follow one and are equal.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>

#include "common/base/rng.h"
#include "common/resp/request_parser.h"
#include "common/resp/writer.h"
#include "server/replication/link_machine.h"
#include "server/replication/source_machine.h"
#include "server/replication/standing.h"

namespace redan {
namespace {

using Dataset = std::map<std::pair<int, std::string>, std::string>;

struct Pipe {
  std::string to_source, to_replica;
  bool open = true;
};

// Requests that arrive in pieces.
struct Inbox {
  std::string bytes;
  RequestParser parser;
  template <class F>
  void read(F&& each) {
    while (parser.parse(bytes, {}) == RequestParser::Status::kRequest) {
      const std::string raw = bytes.substr(0, parser.consumed());
      const std::vector<std::string> args(parser.args().begin(), parser.args().end());
      bytes.erase(0, raw.size());
      parser.reset();
      if (!each(args, raw)) return;
    }
  }
};

struct World;

struct Peer {  // a replica as its source sees it
  explicit Peer(Instant now) : machine("127.0.0.1", now) {}
  std::shared_ptr<Pipe> pipe;
  SourceMachine machine;
  Inbox inbox;
  std::string snapshot;  // still to be sent
  bool marked = false;
};

struct Node {
  Node(World& w, int n, int64_t backlog_bytes);
  World& world;
  int number;
  Standing standing;
  Dataset data;
  std::optional<int> upstream;  // whom we follow; none: a primary
  LinkMachine link;
  std::shared_ptr<Pipe> pipe;
  std::vector<std::unique_ptr<Peer>> peers;
  // The stream as a replica.
  Inbox stream;
  int stream_db = 0, committed_db = 0;
  bool in_multi = false;
  std::string uncommitted;
  Dataset staged;  // inside MULTI
  // A transfer being received.
  std::string incoming, incoming_id;
  int64_t incoming_offset = 0;
  bool loading = false;

  void perform(LinkOut& out);
  void perform(Peer& peer, SourceOut& out);
  void write(int db, const std::string& key, const std::string& value);
  void feed(int db, const std::vector<std::string>& args);
  void execute(const std::vector<std::string>& args, const std::string& raw);
  void follow(int whom);
  void promote();
  void drop_peers();
  void close(Peer& peer);
  void serve(Peer& peer);
  void begin_transfers();
  void pump();
  void pin();
  void finish_loading();
  void check();
};

struct World {
  explicit World(uint64_t seed) : rng(seed) {}
  Rng rng;
  Instant now = Instant(Seconds(1000));
  std::vector<std::unique_ptr<Node>> nodes;
  std::map<std::pair<std::string, int64_t>, Dataset> truth;
  std::map<std::string, std::pair<std::string, int64_t>> parents;
  int full = 0, partial = 0;
  std::string id() { return rng.node_id().hex(); }
};

Node::Node(World& w, int n, int64_t backlog_bytes)
    : world(w), number(n), standing(w.id(), backlog_bytes) {}

void Node::check() {
  if (in_multi) return;
  const auto position = standing.position();
  if (!position) return;
  // Up to its branch a history is that of its parent.
  std::string id = position->id;
  while (world.parents.contains(id) && position->offset <= world.parents[id].second) {
    id = world.parents[id].first;
  }
  const auto known = world.truth.find({id, position->offset});
  ASSERT_NE(known, world.truth.end()) << number << " stands where nobody wrote";
  ASSERT_EQ(known->second, data) << number << " at " << position->offset;
}

void Node::feed(int db, const std::vector<std::string>& args) {
  const std::vector<std::string_view> list(args.begin(), args.end());
  const Backlog& backlog = standing.backlog();
  if (db >= 0 && db != backlog.stream_db() && backlog.active()) {
    // A replica may stop right behind the SELECT.
    const int64_t behind_select = backlog.offset() + 23;
    world.truth[{standing.history().id(), behind_select}] = data;
  }
  db < 0 ? standing.stream().feed_anywhere(list) : standing.stream().feed(db, list);
}

void Node::write(int db, const std::string& key, const std::string& value) {
  const bool transaction = world.rng.chance(0.2);
  if (transaction) feed(db, {"MULTI"});
  feed(db, {"SET", key, value});
  data[{db, key}] = value;
  if (transaction) {
    feed(db, {"DEL", "other"});
    data.erase({db, "other"});
    feed(db, {"EXEC"});
  }
  world.truth[{standing.history().id(), standing.backlog().offset()}] = data;
}

// As the dispatcher and ReplicationDriver::applied() do it.
void Node::execute(const std::vector<std::string>& args, const std::string& raw) {
  link.heard(world.now);
  if (!args.empty()) {
    Dataset& target = in_multi ? staged : data;
    if (args[0] == "SELECT") stream_db = std::stoi(args[1]);
    if (args[0] == "MULTI") in_multi = true, staged = data;
    if (args[0] == "SET") target[{stream_db, args[1]}] = args[2];
    if (args[0] == "DEL") target.erase({stream_db, args[1]});
    if (args[0] == "EXEC") in_multi = false, data = staged;
  }
  uncommitted += raw;
  if (in_multi) return;
  standing.stream().feed_verbatim(uncommitted);
  uncommitted.clear();
  committed_db = stream_db;
  check();
}

void Node::perform(LinkOut& out) {
  for (LinkEffect& effect : std::exchange(out, {})) {
    if (std::get_if<link_effect::Dial>(&effect)) {
      pipe = std::make_shared<Pipe>();
      stream = {};
      auto peer = std::make_unique<Peer>(world.now);
      peer->pipe = pipe;
      world.nodes[*upstream]->peers.push_back(std::move(peer));
      LinkOut more;
      link.connected(world.now, more);
      perform(more);
    } else if (const auto* send = std::get_if<link_effect::Send>(&effect)) {
      if (pipe) pipe->to_source += send->bytes;
    } else if (std::get_if<link_effect::HangUp>(&effect)) {
      if (pipe) pipe->open = false;
      pipe = nullptr;
      loading = false;
    } else if (const auto* begin = std::get_if<link_effect::BeginTransfer>(&effect)) {
      incoming.clear();
      incoming_id = begin->id;
      incoming_offset = begin->offset;
    } else if (const auto* bytes = std::get_if<link_effect::Snapshot>(&effect)) {
      incoming += bytes->bytes;
    } else if (std::get_if<link_effect::EndTransfer>(&effect)) {
      loading = true;
    } else if (const auto* resume = std::get_if<link_effect::Resume>(&effect)) {
      ++world.partial;
      if (standing.resumed(resume->id)) drop_peers();
      stream_db = committed_db;
      check();
    } else if (const auto* hand_over = std::get_if<link_effect::HandOver>(&effect)) {
      in_multi = false;
      uncommitted.clear();
      stream.bytes = hand_over->leftover;
    }
  }
}

void Node::finish_loading() {
  loading = false;
  // The test's snapshot: key, value, ... each as a request of its own.
  Inbox in;
  in.bytes = incoming;
  Dataset fresh;
  in.read([&](const std::vector<std::string>& args, const std::string&) {
    if (args.size() == 2) return stream_db = committed_db = std::stoi(args[1]), true;
    fresh[{std::stoi(args[0]), args[1]}] = args[2];
    return true;
  });
  data = fresh;
  drop_peers();
  standing.replaced(incoming_id, incoming_offset);
  ++world.full;
  LinkOut out;
  link.loaded(world.now, out);
  perform(out);
  check();
}

void Node::perform(Peer& peer, SourceOut& out) {
  for (SourceEffect& effect : std::exchange(out, {})) {
    if (const auto* reply = std::get_if<source_effect::Reply>(&effect)) {
      peer.pipe->to_replica += reply->bytes;
    } else if (std::get_if<source_effect::JoinTransfer>(&effect)) {
      if (standing.begin_backlog(world.id())) {
        world.truth[{standing.history().id(), standing.backlog().offset()}] = data;
      }
    } else if (std::get_if<source_effect::Drop>(&effect)) {
      close(peer);
    }
  }
}

void Node::close(Peer& peer) {
  peer.pipe->open = false;
}
void Node::drop_peers() {
  for (auto& peer : peers) close(*peer);
}

void Node::serve(Peer& peer) {
  peer.inbox.read([&](const std::vector<std::string>& args, const std::string&) {
    if (args.empty()) return true;
    const std::vector<std::string_view> list(args.begin(), args.end());
    SourceOut out;
    if (args[0] == "PING") {
      peer.pipe->to_replica += "+PONG\r\n";
    } else if (args[0] == "REPLCONF") {
      const auto answer = peer.machine.replconf(world.now, list);
      EXPECT_TRUE(answer.ok());
      if (answer.ok() && answer->answered) peer.pipe->to_replica += "+OK\r\n";
    } else if (args[0] == "PSYNC") {
      const bool broken = upstream && link.state() != LinkMachine::State::kOnline;
      peer.machine.psync(world.now, args[1], args[2],
                         {standing.history(), standing.backlog(), broken}, out);
      perform(peer, out);
      if (broken) close(peer);
    }
    return peer.pipe->open;
  });
  pin();
}

void Node::begin_transfers() {
  if (in_multi) return;  // Never between the commands of a transaction.
  std::string body;
  bool made = false;
  for (auto& peer : peers) {
    if (!peer->pipe->open || peer->machine.state() != SourceMachine::State::kWaiting) continue;
    if (!made) {
      made = true;
      // What follows goes on in our primary's database, or begins with a SELECT: RDB's aux field
      // repl-stream-db.
      if (!upstream) standing.stream().forget_db();
      ByteBuffer head;
      append_request(head, std::vector<std::string_view>{"db", std::to_string(committed_db)});
      body = head.view();
      for (const auto& [key, value] : data) {
        ByteBuffer out;
        const std::string db = std::to_string(key.first);
        append_request(out, std::vector<std::string_view>{db, key.second, value});
        body += out.view();
      }
    }
    SourceOut out;
    peer->machine.transfer_begins(world.now, standing.history().id(), standing.backlog().offset(),
                                  out);
    perform(*peer, out);
    peer->marked = world.rng.chance(0.5);
    const std::string mark = world.id();
    peer->snapshot = peer->marked ? "$EOF:" + mark + "\r\n" + body + mark
                                  : "$" + std::to_string(body.size()) + "\r\n" + body;
  }
}

// Must be up to date before the next write: what a replica was promised may not be trimmed.
void Node::pin() {
  int64_t keep = Backlog::kNobody;
  for (auto& peer : peers) {
    if (peer->pipe->open) keep = std::min(keep, peer->machine.needs_from());
  }
  standing.stream().keep_from(keep);
  standing.backlog().check_invariants();
}

// Moves some bytes towards each replica.
void Node::pump() {
  for (auto& peer : peers) {
    if (!peer->pipe->open) continue;
    SourceOut out;
    if (peer->machine.state() == SourceMachine::State::kReceiving) {
      const size_t size = std::min<size_t>(peer->snapshot.size(), world.rng.below(300));
      peer->pipe->to_replica += peer->snapshot.substr(0, size);
      peer->snapshot.erase(0, size);
      if (peer->snapshot.empty()) {
        peer->machine.transfer_ends(world.now, peer->marked, out);
        perform(*peer, out);
      }
    }
    while (peer->machine.streaming() && world.rng.chance(0.9)) {
      const StreamPiece piece = standing.backlog().read(peer->machine.next_byte());
      if (piece.size == 0) break;
      peer->pipe->to_replica += piece.bytes();
      peer->machine.sent(piece.size);
    }
  }
  pin();
}

void Node::follow(int whom) {
  if (!upstream) standing.follow();
  upstream = whom;
  if (pipe) pipe->open = false;
  pipe = nullptr;
  in_multi = false;
  uncommitted.clear();
  LinkOut out;
  link.follow(world.now, {}, standing.position(), false, out);
  perform(out);
}

void Node::promote() {
  if (!upstream) return;
  upstream.reset();
  LinkOut out;
  link.stop(out);
  perform(out);
  in_multi = false;
  uncommitted.clear();
  const std::string parent = standing.history().id();
  standing.promote(world.id());
  world.parents[standing.history().id()] = {parent, standing.backlog().offset()};
  world.truth.try_emplace({parent, standing.backlog().offset()}, data);
  committed_db = 0;
  world.truth[{standing.history().id(), standing.backlog().offset()}] = data;
  drop_peers();
}

// One turn: pieces of random size arrive, in random order, and sometimes a pipe breaks.
void turn(World& world, double cut) {
  Rng& rng = world.rng;
  world.now += Millis(100);
  for (auto& node : world.nodes) {
    node->begin_transfers();
    node->pump();
    for (auto& peer : node->peers) {
      Pipe& pipe = *peer->pipe;
      if (!pipe.open) continue;
      const size_t size = std::min<size_t>(pipe.to_source.size(), rng.below(200));
      peer->inbox.bytes += pipe.to_source.substr(0, size);
      pipe.to_source.erase(0, size);
      node->serve(*peer);
      if (rng.chance(cut)) pipe.open = false;
    }
    std::erase_if(node->peers, [](const auto& peer) { return !peer->pipe->open; });
    LinkOut out;
    if (node->upstream && node->pipe && !node->pipe->open) {
      node->pipe = nullptr;
      node->loading = false;
      node->in_multi = false;
      node->uncommitted.clear();
      node->link.set_position(node->standing.position());
      node->link.disconnected(world.now, "cut", out);
      node->perform(out);
    } else if (node->pipe) {
      const std::shared_ptr<Pipe> pipe = node->pipe;
      const size_t size =
          std::min<size_t>(pipe->to_replica.size(), rng.below(rng.chance(0.3) ? 2000 : 100));
      const std::string bytes = pipe->to_replica.substr(0, size);
      pipe->to_replica.erase(0, size);
      if (node->link.state() == LinkMachine::State::kOnline) {
        node->stream.bytes += bytes;
      } else if (!bytes.empty()) {
        node->link.receive(world.now, bytes, out);
        node->perform(out);
      }
      if (node->loading && rng.chance(0.5)) node->finish_loading();
      if (node->link.state() == LinkMachine::State::kOnline) {
        node->stream.read([&](const auto& args, const std::string& raw) {
          node->execute(args, raw);
          return true;
        });
      }
    }
    node->link.tick(world.now, node->standing.backlog().offset(), -1, out);
    node->perform(out);
    if (!node->upstream && !node->peers.empty() && rng.chance(0.02)) {
      node->feed(-1, {"PING"});
      world.truth[{node->standing.history().id(), node->standing.backlog().offset()}] = node->data;
    }
  }
}

void write_something(World& world, Node& node) {
  Rng& rng = world.rng;
  const int count = rng.chance(0.03) ? 100 : 1;  // A burst overflows the backlog.
  for (int i = 0; i < count; ++i) {
    const std::string key = rng.chance(0.1) ? "other" : std::to_string(rng.below(12));
    node.write(static_cast<int>(rng.below(3)), key,
               std::string(rng.below(60), 'a' + rng.below(26)));
  }
}

bool settled(const World& world, int primary) {
  const Node& top = *world.nodes[primary];
  for (const auto& node : world.nodes) {
    if (node->number == primary) continue;
    if (node->link.state() != LinkMachine::State::kOnline) return false;
    if (node->standing.backlog().offset() != top.standing.backlog().offset()) return false;
    if (node->standing.history().id() != top.standing.history().id()) return false;
  }
  return true;
}

TEST(ReplicationWorld, NodesStandWhereTheySayAndEndEqualUnderAnyFaults) {
  int full = 0, partial = 0;
  for (uint64_t seed = 1; seed <= 200 && !testing::Test::HasFailure(); ++seed) {
    World world(seed);
    Rng& rng = world.rng;
    const int count = static_cast<int>(rng.between(2, 4));
    for (int i = 0; i < count; ++i) {
      world.nodes.push_back(std::make_unique<Node>(world, i, rng.between(4'000, 40'000)));
    }
    const double cut = rng.chance(0.5) ? 0.01 : 0.05;
    for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) {
      for (auto& node : world.nodes) {
        if (!node->upstream && rng.chance(0.5)) write_something(world, *node);
      }
      if (rng.chance(0.02)) world.nodes[rng.below(count)]->promote();
      if (rng.chance(0.04)) {
        const int who = static_cast<int>(rng.below(count));
        const int whom = static_cast<int>(rng.below(count));
        if (who != whom) world.nodes[who]->follow(whom);
      }
      turn(world, cut);
    }
    // Calm: one primary, the others follow it or each other in a chain.
    const int primary = static_cast<int>(rng.below(count));
    world.nodes[primary]->promote();
    int last = primary;
    for (int i = 0; i < count; ++i) {
      if (i == primary) continue;
      world.nodes[i]->follow(rng.chance(0.5) ? primary : last);
      last = i;
    }
    for (int step = 0; step < 3000 && !testing::Test::HasFailure(); ++step) {
      if (step < 50) write_something(world, *world.nodes[primary]);
      turn(world, 0);
      if (step > 50 && settled(world, primary)) break;
    }
    ASSERT_TRUE(settled(world, primary)) << "seed " << seed;
    for (const auto& node : world.nodes) {
      ASSERT_EQ(node->data, world.nodes[primary]->data) << "seed " << seed;
      // Where two backlogs overlap they hold the same bytes.
      const Backlog& a = node->standing.backlog();
      const Backlog& b = world.nodes[primary]->standing.backlog();
      for (int64_t at = std::max(a.first_byte(), b.first_byte()); at <= a.offset(); at += 97) {
        ASSERT_EQ(a.read(at).bytes()[0], b.read(at).bytes()[0]);
      }
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    full += world.full;
    partial += world.partial;
  }
  // The storm must have seen much of both, or it proved nothing.
  EXPECT_GT(full, 300);
  EXPECT_GT(partial, 300);
}

}  // namespace
}  // namespace redan
