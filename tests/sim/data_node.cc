#include "tests/sim/data_node.h"

#include <algorithm>
#include <utility>

#include "common/protocol/mutants.h"

namespace redan::sim {
namespace {

constexpr Nanos kLinkTimeout = Seconds(2);

}  // namespace

DataNodes::DataNodes(World& world, int count) : world_(world), nodes_(count) {
  for (int i = 0; i < count; ++i) {
    world_.add_process();
    Node& node = nodes_[i];
    node.run = world_.rng.next();
    node.history = ++histories_;
    node.lag = world_.rng.span(Micros(500), Millis(30));
    const int kPriorities[] = {100, 100, 100, 50, 10, 0};
    node.priority = i == 0 ? 100 : kPriorities[world_.rng.below(i == 1 ? 5 : 6)];
    if (i > 0) node.source = 0;
  }
  for (int i = 1; i < count; ++i) follow(i);
}

int DataNodes::index_of(const Address& address) const {
  for (int i = 0; i < count(); ++i) {
    if (data_address(i) == address) return i;
  }
  return -1;
}

bool DataNodes::in_sync(int i) const {
  return nodes_[i].linked && world_.now() - nodes_[i].link_seen < kLinkTimeout;
}

std::string DataNodes::info(int i) const {
  const Node& node = nodes_[i];
  char run[41];
  snprintf(run, sizeof run, "%040llx", static_cast<unsigned long long>(node.run));
  std::string text = std::string("run_id:") + run + "\r\n";
  const std::string offset = std::to_string(node.log.size());
  if (!node.source) {
    text += "role:master\r\nmaster_repl_offset:" + offset + "\r\n";
    int n = 0;
    for (int r = 0; r < count(); ++r) {
      if (nodes_[r].source != i || !in_sync(r)) continue;
      text += "slave" + std::to_string(n++) + ":ip=" + data_address(r).ip +
              ",port=6379,state=online,offset=" + offset + ",lag=0\r\n";
    }
    return text;
  }
  const bool up = in_sync(i);
  text += "role:slave\r\nmaster_host:" + data_address(*node.source).ip + "\r\nmaster_port:6379\r\n";
  text += std::string("master_link_status:") + (up ? "up" : "down") + "\r\n";
  if (!up) {
    text += "master_link_down_since_seconds:" +
            std::to_string((world_.now() - node.link_seen).count() / 1'000'000'000) + "\r\n";
    if (node.refuses) text += "master_full_sync_refused:1\r\n";
  }
  text += "slave_repl_offset:" + offset + "\r\nmaster_repl_offset:" + offset + "\r\n";
  text += "slave_priority:" + std::to_string(node.priority) + "\r\n";
  return text;
}

std::optional<NodeReply> DataNodes::handle(int i, const Request& request,
                                           const ConnectionPtr& from) {
  Node& node = nodes_[i];
  if (std::get_if<AskPing>(&request)) return NodeReply{.error = false, .text = "PONG"};
  if (std::get_if<AskInfo>(&request)) return NodeReply{.error = false, .text = info(i)};
  if (const auto* r = std::get_if<Reconfigure>(&request)) {
    std::optional<int> source;
    if (r->primary) {
      source = index_of(*r->primary);
      if (*source < 0 || *source == i) return NodeReply{.error = true, .text = "ERR"};
    }
    if (source != node.source) {
      world_.note(i, source ? "follows " + std::to_string(*source) : "is promoted");
      if (source.has_value() != node.source.has_value()) node.role_since = world_.now();
      if (!source) node.history = ++histories_;
      node.guard.follow();  // Whoever says so means it.
      node.refuses = false;
      node.source = source;
      node.linked = false;
      node.link_seen = world_.now();
      if (source) follow(i);
    }
    // The rest of the MULTI, CLIENT KILL TYPE normal and pubsub: whoever waits behind a pause is
    // cut off, unanswered, and so are the other sentinels with all that they have on its way.
    for (Write& write : std::exchange(node.held, {})) write.done(false);
    world_.kill_clients(i, from);
    return NodeReply{.error = false, .text = "OK"};
  }
  if (const auto* pause = std::get_if<PauseWrites>(&request)) {
    node.pause_until = std::max<Nanos>(node.pause_until, world_.now() + pause->span);
    world_.post(node.pause_until + Nanos(1), i, [this, i] { release(i); });
    return NodeReply{.error = false, .text = "OK"};
  }
  if (std::get_if<UnpauseWrites>(&request)) {
    node.pause_until = Nanos(0);
    release(i);
    return NodeReply{.error = false, .text = "OK"};
  }
  if (const auto* hello = std::get_if<PublishHello>(&request)) {
    std::erase_if(node.subscribers, [](const Node::Subscriber& s) {
      return s.connection->broken || s.connection->closed;
    });
    for (const Node::Subscriber& s : node.subscribers) {
      world_.to_client(s.connection,
                       [heard = s.heard, payload = hello->payload] { heard(payload); });
    }
    return NodeReply{.error = false, .text = "1"};
  }
  return NodeReply{.error = true, .text = "ERR unknown command"};
}

void DataNodes::subscribe(int i, ConnectionPtr c, std::function<void(std::string)> heard) {
  nodes_[i].subscribers.push_back({std::move(c), std::move(heard)});
}

void DataNodes::append(Node& node, uint64_t id) {
  node.log.push_back(id);
  node.hashes.push_back((node.hashes.back() ^ id) * 1099511628211ull + 7);
}

void DataNodes::write(int i, uint64_t id, std::function<void(bool)> done) {
  Node& node = nodes_[i];
  if (node.source) return done(false);  // READONLY
  if (paused(i)) {
    node.held.push_back({id, std::move(done)});
    return;
  }
  append(node, id);
  done(true);
}

void DataNodes::release(int i) {
  if (paused(i)) return;
  for (Write& held : std::exchange(nodes_[i].held, {})) write(i, held.id, std::move(held.done));
}

// A replica asks its source for what it lacks, again and again.
void DataNodes::follow(int i) {
  pull(i, ++nodes_[i].following);
}

void DataNodes::pull(int i, uint64_t token) {
  Node& node = nodes_[i];
  if (!node.source || node.following != token) return;
  const int source = *node.source;
  world_.connect(
      i, source,
      [this, i, source](ConnectionPtr c) {
        c->of_replica = true;
        if (nodes_[i].source != source) return;
        const size_t have = nodes_[i].log.size();
        const uint64_t hash = nodes_[i].hashes[have];
        world_.to_server(c, [this, i, source, c, have, hash] {
          const Node& from = nodes_[source];
          const bool partial = have < from.hashes.size() && from.hashes[have] == hash;
          const size_t begin = partial ? have : 0;
          Copy copy{.rest = {from.log.begin() + static_cast<ptrdiff_t>(begin), from.log.end()},
                    .begin = begin,
                    .partial = partial,
                    .history = from.history,
                    .offset = from.log.size(),
                    .from_replica = from.source.has_value()};
          const bool useful = !from.source || in_sync(source);
          world_.to_client(c, [this, i, source, have, useful, copy = std::move(copy), c] {
            c->closed = true;
            Node& to = nodes_[i];
            if (to.source != source || to.log.size() != have || !useful) return;
            to.refuses = !accepts(to, copy);
            if (to.refuses) {
              to.linked = false;
              return;
            }
            to.log.resize(copy.begin);
            to.hashes.resize(copy.begin + 1);
            for (const uint64_t id : copy.rest) append(to, id);
            to.history = copy.history;
            to.linked = true;
            to.link_seen = world_.now();
          });
        });
      },
      [this, i, source] {
        if (nodes_[i].source == source) nodes_[i].linked = false;
      });
  world_.post(world_.now() + Millis(30) + node.lag, i, [this, i, token] { pull(i, token); });
}

// The rule of reliability.md G5, as the data node has it.
bool DataNodes::accepts(Node& node, const Copy& copy) {
  const bool heedless = mutants::active("empty_primary_followed");
  const std::string id = std::to_string(copy.history);
  const auto verdict = [&] {
    return node.guard.judge(
        heedless ? WipeRule::kNever : rule_,
        {.offset = static_cast<int64_t>(node.log.size()), .keys = node.log.size()},
        {.id = id,
         .offset = static_cast<int64_t>(copy.offset),
         .same_history = copy.partial,
         .known_empty = copy.offset == 0});
  };
  WipeGuard::Verdict said = verdict();
  if (said == WipeGuard::Verdict::kAskRole) {
    node.guard.answered(copy.from_replica);
    said = verdict();
  }
  if (said == WipeGuard::Verdict::kRefuse) return false;
  node.guard.online();
  return true;
}

void DataNodes::lose_data(int i) {
  world_.note(i, "lost its data");
  nodes_[i].log.clear();
  nodes_[i].hashes.resize(1);
  nodes_[i].history = ++histories_;
}

void DataNodes::crashed(int i) {
  Node& node = nodes_[i];
  node.held.clear();
  node.subscribers.clear();
  node.pause_until = Nanos(0);
  node.linked = false;
}

void DataNodes::started(int i) {
  nodes_[i].run = world_.rng.next();
  nodes_[i].link_seen = world_.now();
  nodes_[i].guard = {};
  nodes_[i].refuses = false;
  if (nodes_[i].source) follow(i);
}

}  // namespace redan::sim
