// Commands of several clients, made of the input by their own syntax (command_maker.h), through the
// dispatcher into a keyspace. Between them time passes, keys expire, tables grow, thresholds change
// and snapshots are taken. What must hold:
// - each request is answered by well-formed replies, or its client waits;
// - the invariants of the keyspace and of its values;
// - a snapshot is the data at its mark, in spite of what was written before it was done;
// - what replicas are told makes the same data there, at once or an hour later;
// - what DUMP says of a key is restored to the same value.
// With REDAN_FUZZ_SHOW in the environment each step is shown: what an input does.
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/resp/reply_parser.h"
#include "server/command/keys/digest.h"
#include "server/values/hash_value.h"
#include "server/values/sorted_set_value.h"
#include "server/values/stream_value.h"
#include "tests/fuzz/command_maker.h"
#include "tests/fuzz/payload.h"
#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan::fuzz {
namespace {

constexpr int kMostSteps = 300;
constexpr int kStepsBetweenWalks = 8;
constexpr int64_t kStartMs = 1'700'000'000'000;
// So that a long string is long enough for everything and costs little.
constexpr int64_t kLongestString = 64 * 1024;

constexpr std::string_view kLeftOut[] = {
    // The answers are the drivers' (or these end the process, or sleep), of which there are none.
    "shutdown", "psync", "sync", "replconf", "role", "migrate", "debug", "client|info",
    // Long, and the same whatever the data.
    "command", "command|docs", "command|info", "command|list", "pfselftest",
    // Changes what all inputs share; thresholds are changed by a step of their own.
    "config|set", "config|rewrite"};

// A key's value and deadline.
struct Value {
  Digest digest{};
  int64_t expiry_ms = -1;
  std::string text;  // what a digest leaves out
  friend bool operator==(const Value&, const Value&) = default;
};
using Contents = std::map<std::pair<int, std::string>, Value>;

// A digest tells 0 from -0, which a sorted set's compact form does not (as in Redis).
std::string members_of(const Entry& entry) {
  std::string text;
  SortedSetView(entry).for_each([&](const SortedSetMember& member) {
    Listpack::Scratch scratch;
    text.append(member.name(scratch)).append("\n");
    text += std::to_string(std::bit_cast<uint64_t>(member.score() + 0.0)) + "\n";
  });
  return text;
}

// A digest tells that a field expires, not when.
std::string deadlines_of(const Entry& entry) {
  const HashView hash(entry);
  std::map<std::string, int64_t> deadlines;
  const auto add = [&](const HashView::Text& name, const HashView::Text&, int64_t expiry_ms) {
    if (expiry_ms != HashField::kStays) deadlines.emplace(name.str(), expiry_ms);
  };
  hash.for_each_with_expiry(add);
  std::string text;
  for (const auto& [name, expiry_ms] : deadlines) {
    text += name + " " + std::to_string(expiry_ms) + "\n";
  }
  return text;
}

// What a replica holds of a stream beside its entries, which are in the digest. When something was
// delivered and how often may differ: that a consumer asks again for what it had is told nobody.
std::string groups_of(const Entry& entry) {
  const LargeStream& stream = stream_of(entry);
  const StreamState& state = stream.state();
  std::string text = StreamIdText(state.last_id).str() + " " +
                     StreamIdText(state.max_deleted_id).str() + " " +
                     std::to_string(state.entries_added) + "\n";
  if (stream.groups() == nullptr) return text;
  for (const auto& group : stream.groups()->all()) {
    text += "group " + group->name() + " " + StreamIdText(group->last_id()).str() + " " +
            std::to_string(group->entries_read()) + "\n";
    for (const auto& consumer : group->consumers()) {
      text += "consumer " + consumer->name();
      const PendingIds& pending = consumer->pending();
      for (auto at = pending.first(); pending.is_item(at); at = pending.next(at)) {
        text += " " + StreamIdText(pending.at(at).id).str();
      }
      text += "\n";
    }
  }
  return text;
}

// Two values that differ only in how their forms came about are the same; `exactly` has the times
// in streams as well.
Value value_of(const Entry& entry, bool exactly) {
  Value value{.expiry_ms = entry.expiry_ms()};
  if (entry.type() == ValueType::kSortedSet) {
    value.text = members_of(entry);
    return value;
  }
  value.digest = value_digest(entry);
  if (entry.has_expiring_fields()) value.text = deadlines_of(entry);
  if (entry.type() == ValueType::kStream) {
    value.text = exactly ? dump_value(entry) : groups_of(entry);
  }
  return value;
}

Value value_of(std::string_view payload, int64_t expiry_ms) {
  return look_at_payload(payload, expiry_ms,
                         [](const Entry& entry) { return value_of(entry, true); });
}

// Keeps what a snapshot emits, large values put together from their pieces.
class Copy final : public SnapshotSink, public LargeSink {
 public:
  void emit(int db, const Entry& entry) override { keep(db, entry, dump_value(entry)); }
  LargeSink* large_sink() override { return this; }
  void begin_large(uint32_t id, int db, const Entry& entry) override {
    const bool is_new = open_
                            .try_emplace(id, Open{db, std::string(entry.key()), entry.expiry_ms(),
                                                  LargeDump(entry.large())})
                            .second;
    REDAN_CHECK(is_new);
  }
  void piece(uint32_t id, const ValuePiece& piece) override { open_.at(id).dump.piece(piece); }
  void end_large(uint32_t id) override {
    Open& open = open_.at(id);
    add(open.db, open.key, open.dump.finish(), open.expiry_ms);
    open_.erase(id);
  }
  bool is_whole() const { return open_.empty(); }
  const Contents& contents() const { return contents_; }

 private:
  struct Open {
    int db;
    std::string key;
    int64_t expiry_ms;
    LargeDump dump;
  };
  void keep(int db, const Entry& entry, const std::string& payload) {
    add(db, std::string(entry.key()), payload, entry.expiry_ms());
  }
  void add(int db, const std::string& key, const std::string& payload, int64_t expiry_ms) {
    REDAN_CHECK(contents_.try_emplace({db, key}, value_of(payload, expiry_ms)).second);
  }
  std::map<uint32_t, Open> open_;
  Contents contents_;
};

class Node final : public DispatcherFixture {
 public:
  Node() {
    config.proto_max_bulk_len = kLongestString;
    for (size_t i = 0; i < clients.size(); ++i) clients[i] = std::make_unique<TestClient>(i + 1);
  }
  ~Node() override {
    for (const auto& each : clients) dispatcher.closed(each->session);
  }
  void TestBody() override {}
  using CommandTest::commands;
  using CommandTest::keyspace;
  using CommandTest::replication;
  using CommandTest::stats;
  using DispatcherFixture::dispatcher;

  // As a node that has just been started: the next input must not see what the last one left.
  void start(bool with_slots, int64_t now_ms, uint64_t seed) {
    for (const auto& each : clients) reopen(*each);
    REDAN_CHECK(blocked.empty());
    REDAN_CHECK(waits.empty());
    REDAN_CHECK(watched.empty());
    std::destroy_at(&keyspace);
    std::construct_at(
        &keyspace,
        KeyspaceOptions{.databases = with_slots ? 1 : 16, .seed = seed, .slots = with_slots});
    keyspace.observe(&dispatcher);
    keyspace.set_limits(EncodingLimits());
    std::destroy_at(&logs);
    std::construct_at(&logs);
    rng = Rng(seed);
    replication.stream.clear();
    replication.fed = 0;
    set_time(now_ms);
  }
  void set_time(int64_t now_ms) {
    control.wall = from_unix_ms(now_ms);
    control.instant = Instant(Millis(now_ms - kStartMs + 1));
    dispatcher.batch_begins();
    dispatcher.check_waits(control.instant);
    dispatcher.batch_done();
  }
  int64_t now_ms() const { return unix_ms(*control.wall); }

  bool waits_for(const TestClient& from) const {
    return blocked.contains(from.session) || waits.contains(from.session);
  }
  void reopen(TestClient& who) {
    dispatcher.closed(who.session);
    const uint64_t id = who.session.id;
    who.session = Session();
    who.session.id = id;
    who.session.authenticated = who.session.unlimited = true;
    who.session.connection = &who.connection;
    who.connection.sent.clear();
    who.connection.closing = false;
  }
  std::string ask(TestClient& from, const std::vector<std::string>& words) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    static_cast<void>(send(from, args));
    dispatcher.batch_ends();
    dispatcher.batch_done();
    return std::exchange(from.connection.sent, {});
  }
  Contents contents(bool exactly) {
    Contents all;
    for (int db = 0; db < keyspace.databases(); ++db) {
      keyspace.for_each(db, [&](const Entry& entry) {
        all[{db, std::string(entry.key())}] = value_of(entry, exactly);
      });
    }
    return all;
  }

  std::array<std::unique_ptr<TestClient>, 3> clients;
};

void show(std::string_view what, std::string_view text) {
  static const bool wanted = std::getenv("REDAN_FUZZ_SHOW") != nullptr;
  if (!wanted) return;
  std::string line;
  for (const char c : text.substr(0, 200)) {
    const bool plain = c >= ' ' && c <= '~';
    line += plain ? std::string(1, c) : c == '\n' ? "|" : c == '\r' ? "" : ".";
  }
  std::fprintf(stderr, "%s %s\n", std::string(what).c_str(), line.c_str());
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line.append(line.empty() ? "" : " ").append(word);
  return line;
}

class World {
 public:
  World()
      : maker_(primary_.commands, kLeftOut, [this](const std::string& key) {
          const Entry* entry = primary_.keyspace.peek(0, key);
          return entry == nullptr ? "" : dump_value(*entry);
        }) {
    primary_.replication.follower = [this](int db, std::span<const std::string_view> args) {
      fed_.emplace_back(db, std::vector<std::string>(args.begin(), args.end()));
    };
    replica_.replication.replica = true;
    replica_.clients[0]->session.kind = ClientKind::kPrimary;
  }

  void run(Input input) {
    const uint8_t how = input.byte();
    with_slots_ = (how & 1) != 0 && (how & 128) != 0;  // (Slower.)
    follows_at_once_ = (how & 2) != 0;
    primary_.start(with_slots_, kStartMs, 1);
    replica_.start(with_slots_, kStartMs, 2);  // Chance would choose otherwise there.
    replica_.keyspace.set_replica(true);
    replica_.stats.unexpected_error_replies = 0;
    fed_.clear();
    fills_ = 0;
    if ((how & 4) != 0) choose_limits(how);
    for (int step = 1; !input.empty() && step <= kMostSteps; ++step) {
      take_step(input);
      if (follows_at_once_) follow(primary_.now_ms());
      if (step % kStepsBetweenWalks == 0) primary_.keyspace.check_invariants();
    }
    end_snapshot();
    primary_.keyspace.check_invariants();
    compare_replica();
    restore_all();
  }

 private:
  void take_step(Input& input) {
    const uint8_t kind = input.byte();
    TestClient& from = *primary_.clients[kind % 4 % 3];
    const int choice = kind / 4;  // below 64
    if (choice < 50) {
      ask(from, maker_.make(input, with_slots_ ? choice % 2 : 0, primary_.now_ms()));
    } else if (choice < 53) {
      ask(from, {from.session.in_multi() ? "EXEC" : "MULTI"});
    } else if (choice < 55) {
      pass_time(input.byte());
    } else if (choice == 55) {
      primary_.keyspace.expire_some(1 + input.byte() % 64U);
    } else if (choice == 56) {
      primary_.keyspace.rehash_some(1 + input.byte() % 8U);
    } else if (choice == 57) {
      choose_limits(input.byte());
    } else if (choice == 58) {
      primary_.keyspace.take_garbage();
      if (with_slots_) primary_.keyspace.free_empty_tables();
    } else if (choice == 59) {
      primary_.reopen(from);
    } else if (choice < 63) {
      snapshot_step(input.byte());
    } else {
      fill(from, input);
    }
  }

  // Many elements at once, or keys: only such values have several nodes, chunks or leaves, and come
  // to a snapshot in pieces. Their names are those that CommandMaker draws, and more. What is
  // filled once more gets other values and scores.
  void fill(TestClient& from, Input& input) {
    constexpr std::string_view kFills[][2] = {
        {"RPUSH", "list"},  {"SADD", "set"},          {"HSET", "hash"},  {"ZADD", "sorted-set"},
        {"XADD", "stream"}, {"PFADD", "hyperloglog"}, {"MSET", "string"}};
    const uint8_t how = input.byte();
    const auto [command, group] = kFills[how % std::size(kFills)];
    const int most = command == "MSET" || command == "XADD" ? 160 : 640;
    const int count = most / 4 + how * (most - most / 4) / 256;
    const int first = input.byte();
    const std::string key = "{0}" + std::string(group);
    std::vector<std::string> words{std::string(command)};
    if (command != "MSET") words.push_back(key + std::to_string(first % 3));
    ++fills_;
    for (int i = first; i < first + count; ++i) {
      if (command == "XADD") {
        ask(from,
            {words[0], words[1], std::to_string(fills_) + "-" + std::to_string(i), "e", "fill"});
        continue;
      }
      if (command == "ZADD") words.push_back(std::to_string((i * 7 + fills_) % 12));
      words.push_back((command == "MSET" ? key : "e") + std::to_string(i));
      if (command == "HSET" || command == "MSET") words.push_back(std::to_string(i + fills_));
    }
    if (command != "XADD") ask(from, words);
  }

  void ask(TestClient& from, const std::vector<std::string>& words) {
    if (primary_.waits_for(from)) {
      // Nothing more is read from it; a client that waits for ever may go away.
      show("waits", from.session.last_command);
      return;
    }
    show("ask", joined(words));
    const bool withheld = from.session.replies_withheld();
    const size_t replies = check_replies(primary_.ask(from, words));
    const bool answered =
        replies > 0 || primary_.waits_for(from) || withheld || from.session.replies_withheld();
    REDAN_CHECK(answered);
    for (const auto& each : primary_.clients) {
      check_replies(std::exchange(each->connection.sent, {}));
      if (each->connection.closing) primary_.reopen(*each);
    }
  }

  static size_t check_replies(std::string_view bytes) {
    if (bytes.empty()) return 0;
    show("   ", bytes);
    ReplyParser parser;
    parser.feed(bytes);
    size_t count = 0;
    while (true) {
      const Result<std::optional<Reply>> reply = parser.next();
      REDAN_CHECK(reply.ok());
      if (!reply->has_value()) break;
      ++count;
    }
    REDAN_CHECK(parser.take_rest().empty());
    return count;
  }

  void pass_time(uint8_t how) {
    constexpr int64_t kDayMs = 86'400'000;
    const int64_t ms = how < 128 ? how : how < 224 ? (how - 127) * 1000 : (how - 223) * kDayMs;
    show("time", std::to_string(ms) + " ms");
    primary_.set_time(primary_.now_ms() + ms);
    for (const auto& each : primary_.clients) {
      check_replies(std::exchange(each->connection.sent, {}));
    }
  }

  // Low ones, so that large forms come early; `bits` says which.
  void choose_limits(uint8_t bits) {
    EncodingLimits limits;
    if ((bits & 8) != 0) limits.hash_entries = 3, limits.list_size = 2;
    if ((bits & 16) != 0) limits.set_entries = 3, limits.set_intset_entries = 2;
    if ((bits & 32) != 0) limits.sorted_set_entries = 3, limits.stream_node_entries = 2;
    if ((bits & 64) != 0) limits.hash_value_bytes = 5, limits.sorted_set_value_bytes = 5;
    if ((bits & 128) != 0) limits.hll_sparse_bytes = 30, limits.list_size = -1;
    show("limits", std::to_string(bits));
    primary_.keyspace.set_limits(limits);
  }

  // --- snapshots ---
  void snapshot_step(uint8_t how) {
    if (copy_ == nullptr) {
      show("snapshot", "begins");
      at_mark_ = primary_.contents(true);
      mark_ms_ = primary_.now_ms();
      copy_ = std::make_unique<Copy>();
      primary_.keyspace.begin_snapshot(copy_.get());
    } else if (!primary_.keyspace.walk_snapshot(1 + how % 8U)) {
      end_snapshot();
    }
  }
  void end_snapshot() {
    if (copy_ == nullptr) return;
    while (primary_.keyspace.walk_snapshot(64)) {
    }
    primary_.keyspace.end_snapshot();
    show("snapshot", "ends");
    REDAN_CHECK(copy_->is_whole());
    Contents found = copy_->contents();
    copy_.reset();
    // What had expired at the mark, and nobody had met since, may be there or not.
    std::erase_if(found, [&](const auto& each) {
      const int64_t expiry_ms = each.second.expiry_ms;
      return expiry_ms != Entry::kNoExpiry && expiry_ms <= mark_ms_ &&
             !at_mark_.contains(each.first);
    });
    compare(at_mark_, found);
  }

  // --- replicas ---
  void follow(int64_t now_ms) {
    TestClient& stream = *replica_.clients[0];
    stream.session.kind = ClientKind::kPrimary;
    replica_.set_time(now_ms);
    for (const auto& [db, words] : fed_) {
      show("fed", std::to_string(db) + ": " + joined(words));
      stream.session.db = db;
      replica_.ask(stream, words);
    }
    fed_.clear();
  }
  void compare_replica() {
    const int64_t end_ms = primary_.now_ms() + (follows_at_once_ ? 0 : kLateMs);
    follow(end_ms);
    primary_.set_time(end_ms);
    follow(end_ms);  // What ended when those who waited had waited long enough.
    REDAN_CHECK(replica_.stats.unexpected_error_replies == 0);
    replica_.keyspace.check_invariants();
    compare(primary_.contents(false), replica_.contents(false));
  }

  // --- DUMP and RESTORE ---
  void restore_all() {
    for (const auto& [place, value] : primary_.contents(true)) {
      const auto& [db, key] = place;
      const Entry* entry = primary_.keyspace.peek(db, key);
      TestClient& stream = *replica_.clients[1];
      stream.session.db = db;
      replica_.replication.replica = false;
      replica_.keyspace.set_replica(false);
      const std::string reply = replica_.ask(
          stream, {"RESTORE", key, std::to_string(std::max<int64_t>(value.expiry_ms, 0)),
                   dump_value(*entry), "REPLACE", "ABSTTL"});
      replica_.replication.replica = true;
      REDAN_CHECK(reply == "+OK\r\n");
    }
    replica_.keyspace.check_invariants();
    compare(primary_.contents(true), replica_.contents(true));
  }

  static void compare(const Contents& wanted, const Contents& found) {
    for (const auto& [place, value] : wanted) {
      const auto at = found.find(place);
      if (at != found.end() && at->second == value) continue;
      show("differs", std::to_string(place.first) + ": " + place.second +
                          (at == found.end() ? " is missing" : " is another"));
    }
    REDAN_CHECK(wanted.size() == found.size());
    const bool same = wanted == found;
    REDAN_CHECK(same);
  }

  static constexpr int64_t kLateMs = 3'600'000;

  Node primary_;
  Node replica_;
  CommandMaker maker_;
  bool with_slots_ = false;
  bool follows_at_once_ = false;
  int fills_ = 0;
  std::vector<std::pair<int, std::vector<std::string>>> fed_;
  std::unique_ptr<Copy> copy_;
  Contents at_mark_;
  int64_t mark_ms_ = 0;
};

}  // namespace
}  // namespace redan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static redan::fuzz::World world;
  world.run(redan::fuzz::Input(data, size));
  return 0;
}
