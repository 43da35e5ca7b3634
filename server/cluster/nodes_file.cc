#include "server/cluster/nodes_file.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "common/base/parse.h"

namespace redan {
namespace {

using Words = std::vector<std::string_view>;

Words words_of(std::string_view line) {
  Words words;
  for (std::string_view word : split(line, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  const std::optional<uint64_t> number = parse_uint64(text);
  if (!number || *number > 65535) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

// "ip:port@bus_port[,hostname[,name=value]...]"; the ip may hold colons.
bool parse_address(std::string_view word, ClusterNode& node) {
  const std::vector<std::string_view> parts = split(word, ',');
  const std::string_view where = parts[0];
  const size_t at = where.rfind('@'), colon = where.rfind(':', at);
  if (colon == std::string_view::npos) return false;
  const auto port =
      parse_port(where.substr(colon + 1, at == std::string_view::npos ? at : at - colon - 1));
  if (!port) return false;
  node.address.ip = where.substr(0, colon);
  node.address.port = *port;
  // Files of Redis 3 have no bus port.
  if (at == std::string_view::npos) {
    node.address.bus_port = static_cast<uint16_t>(*port + 10'000);
  } else {
    const auto bus_port = parse_port(where.substr(at + 1));
    if (!bus_port) return false;
    node.address.bus_port = *bus_port;
  }
  if (parts.size() > 1) node.address.hostname = parts[1];
  for (size_t i = 2; i < parts.size(); ++i) {
    const size_t equals = parts[i].find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = parts[i].substr(0, equals), value = parts[i].substr(equals + 1);
    if (name == "shard-id") {
      const std::optional<NodeId> id = NodeId::from_hex(value);
      if (!id) return false;
      node.shard_id = *id;
    } else if (name == "nodename") {
      node.address.human_name = value;
    } else if (name == "tls-port" || name == "tcp-port") {
      const auto other = parse_port(value);
      if (!other) return false;
      (name == "tls-port" ? node.address.tls_port : node.address.port) = *other;
    } else {
      return false;
    }
  }
  return true;
}

bool parse_flags(std::string_view word, ClusterNode& node, bool& is_self) {
  for (const std::string_view flag : split(word, ',')) {
    if (flag == "myself") {
      is_self = true;
    } else if (flag == "master") {
      node.is_primary = true;
    } else if (flag == "slave") {
      node.is_primary = false;
    } else if (flag == "fail?") {
      node.suspicion = Suspicion::kPossible;
    } else if (flag == "fail") {
      node.suspicion = Suspicion::kFailed;
    } else if (flag == "handshake") {
      node.handshake = true;
    } else if (flag == "noaddr") {
      node.noaddr = true;
    } else if (flag == "nofailover") {
      node.nofailover = true;
    } else if (flag != "noflags") {
      return false;
    }
  }
  return true;
}

// "[7->-id]" and "[7-<-id]".
bool parse_move(std::string_view word, NodesFile& file) {
  if (word.back() != ']') return false;
  word = word.substr(1, word.size() - 2);
  const size_t dash = word.find('-');
  if (dash == std::string_view::npos || word.size() != dash + 3 + 40) return false;
  const Result<Slot> slot = parse_slot(word.substr(0, dash));
  const std::optional<NodeId> other = NodeId::from_hex(word.substr(dash + 3));
  if (!slot || !other || word[dash + 2] != '-') return false;
  if (word[dash + 1] == '>') return file.migrating.emplace(*slot, *other).second;
  if (word[dash + 1] == '<') return file.importing.emplace(*slot, *other).second;
  return false;
}

class Reader {
 public:
  Result<NodesFile> read(std::string_view text) {
    for (const std::string_view line : split(text, '\n')) {
      ++line_;
      const Words words = words_of(trim(line));
      if (words.empty()) continue;
      const Result<void> read = words[0] == "vars"       ? read_vars(words)
                                : words[0] == "given"    ? read_given(words)
                                : words[0] == "incoming" ? read_incoming(words)
                                                         : read_node(words);
      if (!read) return read.error();
    }
    if (file_.self.empty()) return Error("nodes.conf has no node with the flag myself");
    return finish();
  }

 private:
  Error wrong(std::string_view word, std::string_view what) const {
    return Error("nodes.conf line " + std::to_string(line_) + ": \"" + std::string(word) + "\" " +
                 std::string(what));
  }

  Result<void> read_vars(const Words& words) {
    if (words.size() % 2 == 0) return wrong(words.back(), "has no value");
    for (size_t i = 1; i < words.size(); i += 2) {
      const std::optional<uint64_t> value = parse_uint64(words[i + 1]);
      if (!value) return wrong(words[i + 1], "is no epoch");
      if (words[i] == "currentEpoch") {
        file_.current_epoch = Epoch(*value);
      } else if (words[i] == "lastVoteEpoch") {
        file_.last_vote_epoch = Epoch(*value);
      } else {
        return wrong(words[i], "is no variable that we know");
      }
    }
    return kOk;
  }

  Result<SlotSet> read_slots(const Words& words, size_t from) {
    SlotSet all;
    for (size_t i = from; i < words.size(); ++i) {
      const Result<SlotSet> slots = SlotSet::parse(words[i]);
      if (!slots) return wrong(words[i], "is no range of slots");
      all |= *slots;
    }
    return all;
  }

  Result<void> read_given(const Words& words) {
    if (words.size() < 5) return wrong(words[0], "begins a hand-over that is cut off");
    const std::optional<NodeId> move = NodeId::from_hex(words[1]), to = NodeId::from_hex(words[2]);
    if (!move) return wrong(words[1], "is no move's id");
    if (!to) return wrong(words[2], "is no node's id");
    const std::optional<uint64_t> epoch = parse_uint64(words[3]);
    if (!epoch) return wrong(words[3], "is no epoch");
    Result<SlotSet> slots = read_slots(words, 4);
    if (!slots) return slots.error();
    file_.given.push_back({.move = *move, .to = *to, .epoch = Epoch(*epoch), .slots = *slots});
    return kOk;
  }

  Result<void> read_incoming(const Words& words) {
    if (words.size() < 4) return wrong(words[0], "begins a hand-over that is cut off");
    const std::optional<NodeId> move = NodeId::from_hex(words[1]),
                                from = NodeId::from_hex(words[2]);
    if (!move) return wrong(words[1], "is no move's id");
    if (!from) return wrong(words[2], "is no node's id");
    Result<SlotSet> slots = read_slots(words, 3);
    if (!slots) return slots.error();
    file_.incoming.push_back({.move = *move, .from = *from, .slots = *slots});
    return kOk;
  }

  Result<void> read_node(const Words& words) {
    if (words.size() < 8) return wrong(words[0], "begins a line of a node that is cut off");
    const std::optional<NodeId> id = NodeId::from_hex(words[0]);
    if (!id) return wrong(words[0], "is no node's id");
    if (!seen_.insert(*id).second) return wrong(words[0], "has two lines");
    ClusterNode node;
    node.id = *id;
    bool is_self = false;
    if (!parse_address(words[1], node)) return wrong(words[1], "is no address");
    if (!parse_flags(words[2], node, is_self)) return wrong(words[2], "has a flag we do not know");
    if (words[3] != "-") {
      const std::optional<NodeId> primary = NodeId::from_hex(words[3]);
      if (!primary) return wrong(words[3], "is no primary's id");
      node.primary = *primary;
    }
    const std::optional<int64_t> ping = parse_int64(words[4]), pong = parse_int64(words[5]);
    if (!ping) return wrong(words[4], "is no time");
    if (!pong) return wrong(words[5], "is no time");
    if (*ping != 0) node.ping_sent = Instant{};
    if (*pong != 0) node.pong_received = Instant{};
    const std::optional<uint64_t> epoch = parse_uint64(words[6]);
    if (!epoch) return wrong(words[6], "is no epoch");
    // Of a replica the line shows its primary's.
    if (node.is_primary) node.config_epoch = Epoch(*epoch);
    for (size_t i = 8; i < words.size(); ++i) {
      if (words[i][0] == '[') {
        if (!is_self || !parse_move(words[i], file_)) return wrong(words[i], "is no moving slot");
        continue;
      }
      const Result<SlotSet> slots = SlotSet::parse(words[i]);
      if (!slots) return wrong(words[i], "is no range of slots");
      if (!node.is_primary) return wrong(words[i], "is a slot of a replica");
      if (!(assigned_ & *slots).empty()) return wrong(words[i], "has another owner already");
      assigned_ |= *slots;
      node.slots |= *slots;
    }
    if (is_self) {
      if (!file_.self.empty()) return wrong(words[2], "is a second node with the flag myself");
      file_.self = node.id;
    }
    file_.nodes.push_back(std::move(node));
    return kOk;
  }

  Result<NodesFile> finish() {
    for (ClusterNode& node : file_.nodes) {
      // Known by name only, as in Redis: a later contact tells the rest.
      if (!node.primary.empty() && seen_.count(node.primary) == 0) node.primary = {};
      if (node.shard_id.empty()) node.shard_id = node.primary.empty() ? node.id : node.primary;
      // Epochs that were saved by halves never go back.
      file_.current_epoch = std::max(file_.current_epoch, node.config_epoch);
    }
    file_.current_epoch = std::max(file_.current_epoch, file_.last_vote_epoch);
    const auto unknown = [&](const auto& move) { return seen_.count(move.second) == 0; };
    std::erase_if(file_.migrating, unknown);
    std::erase_if(file_.importing, unknown);
    return std::move(file_);
  }

  NodesFile file_;
  SlotSet assigned_;
  std::set<NodeId> seen_;
  size_t line_ = 0;
};

}  // namespace

NodesFile NodesFile::fresh(NodeId self, NodeId shard) {
  ClusterNode node;
  node.id = self;
  node.shard_id = shard;
  return {.self = self, .nodes = {node}};
}

Result<NodesFile> NodesFile::parse(std::string_view text) {
  return Reader().read(text);
}

}  // namespace redan
