// Runs commands against a keyspace of its own, without connections: what a dispatcher does once
// every gate has let a call through.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/collation.h"
#include "common/base/parse.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/config/options.h"
#include "server/drivers/client_io.h"
#include "server/drivers/data_loop.h"
#include "server/session/access.h"
#include "server/session/blocked_keys.h"
#include "server/session/command_logs.h"
#include "server/session/dispatching.h"
#include "server/session/node_control.h"
#include "server/session/pubsub.h"
#include "server/session/server_stats.h"
#include "server/session/tracking.h"
#include "server/session/waits.h"
#include "server/session/watched_keys.h"

namespace redan {

class FakeSnapshots : public SnapshotService {
 public:
  Result<void> save() override { return kOk; }
  Result<void> begin_background_save() override { return kOk; }
  void schedule_background_save() override {}
  void cron() override {}
  bool in_progress() const override { return false; }
  bool last_save_ok() const override { return true; }
  int64_t last_save_unix_s() const override { return 0; }
  Result<void> reload(const Reload& how) override {
    reloads.push_back(std::string(how.save ? "save" : "nosave") +
                      (how.flush ? " flush" : " noflush") + (how.merge ? " merge" : ""));
    return kOk;
  }
  void write_info(InfoWriter&) const override {}

  std::vector<std::string> reloads;
};

class FakeReplication : public ReplicationService {
 public:
  int64_t feed(int db, std::span<const std::string_view> args) override {
    if (follower) follower(db, args);
    for (size_t i = 0; i < args.size(); ++i) stream.append(i > 0 ? " " : "").append(args[i]);
    stream += "; ";
    return ++fed;
  }
  void flush() override {}
  bool listened_to() const override { return listened; }
  bool is_replica() const override { return replica; }
  bool link_up() const override { return true; }
  int good_replicas() const override { return 0; }
  bool loading() const override { return false; }
  Result<void> replicate_from(std::string_view, int) override { return kOk; }
  std::string primary_host() const override { return ""; }
  int primary_port() const override { return 0; }
  void psync(Session&, std::span<const std::string_view>, ReplyWriter&) override {
    listened = true;
  }
  void replconf(Session&, std::span<const std::string_view>, ReplyWriter&) override {}
  void session_closed(Session&) override {}
  void applied(Session&, std::string_view) override {}
  Result<void> failover(std::span<const std::string_view>) override { return kOk; }
  int64_t offset() const override { return fed; }
  int replicas_at(int64_t) const override { return 0; }
  void request_acks() override {}
  void write_role(ReplyWriter&) const override {}
  void write_info(InfoWriter&) const override {}
  void write_stats(InfoWriter&) const override {}

  bool replica = false;
  bool listened = true;
  std::function<void(int db, std::span<const std::string_view>)> follower;
  std::string stream;  // What was fed, a semicolon behind each command.
  int64_t fed = 0;     // commands, taken for the stream's offset
};

class FakeControl : public NodeControl {
 public:
  Result<void> shut_down(const ShutdownRequest&) override { return kOk; }
  Result<void> abort_shutdown() override { return kOk; }
  void pause_clients(PauseKind, Instant) override {}
  void unpause_clients() override {}
  Instant now() const override { return instant; }
  WallTime wall_now() const override { return wall ? *wall : redan::wall_now(); }
  int64_t wall_now_us() const override { return 0; }
  std::string info(std::span<const std::string_view>) override { return ""; }
  Result<void> rewrite_config() override { return kOk; }
  void reset_stats() override {}
  void set_active_expiry(bool on) override { active_expiry = on; }
  void change_replication_id() override { ++new_ids; }
  void memory_is_short() override { ++short_of_memory; }
  void sample_memory() override {}
  void waits_changed() override {}
  const Collation& collation() const override { return order; }

  Instant instant{};
  std::optional<WallTime> wall;  // None: the real time.
  bool active_expiry = true;
  int new_ids = 0;
  int short_of_memory = 0;
  Collation order;
};

// Runs no transaction, unless a test has a dispatcher that does.
class Transactions : public Dispatching {
 public:
  Result<void> execute_transaction(Session& caller, const std::vector<QueuedCommand>& queue,
                                   ReplyWriter& reply) override {
    return dispatcher == nullptr ? kOk : dispatcher->execute_transaction(caller, queue, reply);
  }
  Dispatching* dispatcher = nullptr;
};

// Requests never come from sockets here.
class NoRequests : public RequestHandler {
 public:
  void opened(Session&) override {}
  Executed execute(Session&, std::span<const std::string_view>, std::string_view,
                   ReplyWriter&) override {
    return Executed::kDone;
  }
  RequestLimits limits(const Session&) const override { return {}; }
  void input_begins() override {}
  void input_ends() override {}
  void malformed(Session&, std::string_view) override {}
  void batch_begins() override {}
  void batch_done() override {}
  void closed(Session&) override {}
};

class CommandTest : public testing::Test {
 protected:
  static constexpr int64_t kNowMs = 1'700'000'000'000;

  explicit CommandTest(const KeyspaceOptions& keyspace_options = {.databases = 16, .seed = 1},
                       const std::vector<CommandFamily<Call>>& families = server_families())
      : keyspace(keyspace_options), commands(families) {
    options.reset();
    set_now_ms(kNowMs);
  }

  void set_now_ms(int64_t ms) { keyspace.set_now(from_unix_ms(ms)); }

  // The reply's bytes, line ends as '|' where they end a line of RESP: "$2|ab|".
  std::string run(std::string_view line) {
    const auto words = split_words(line);
    EXPECT_TRUE(words.has_value()) << line;
    std::vector<std::string_view> args(words->begin(), words->end());
    return run_args(args);
  }

  std::string run_args(const std::vector<std::string_view>& args) {
    ByteBuffer out;
    ReplyWriter reply(out, session.resp);
    const auto* entry = commands.resolve(args);
    if (entry == nullptr) {
      reply.error(unknown_command(args));
    } else if (!entry->accepts(args.size())) {
      reply.error(wrong_arity(entry->full_name));
    } else {
      call(*entry, args, reply);
    }
    std::string text(out.view());
    for (size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;)
      text.replace(at, 2, "|");
    return text;
  }

  // What replicas got since the last question, commands joined by "; ".
  std::string fed() { return std::exchange(fed_, {}); }

  Keyspace keyspace;
  ServerConfig config;
  Registry options{config, server_options()};
  ServerCommands commands;
  NoRequests no_requests;
  DataLoop loop;
  ClientIo clients{loop, no_requests};
  PubSub pubsub;
  Tracking tracking{pubsub, 1};
  WatchedKeys watched;
  CommandLogs logs;
  Waits waits;
  BlockedKeys blocked;
  Access access{commands};
  ServerStats stats;
  FakeSnapshots snapshots;
  FakeReplication replication;
  FakeControl control;
  Transactions transactions;
  Rng rng{1};
  Session session;
  ServerParts parts_{.keyspace = keyspace,
                     .config = config,
                     .options = options,
                     .commands = commands,
                     .clients = clients,
                     .pubsub = pubsub,
                     .tracking = tracking,
                     .watched = watched,
                     .logs = logs,
                     .waits = waits,
                     .blocked = blocked,
                     .access = access,
                     .stats = stats,
                     .snapshots = snapshots,
                     .replication = replication,
                     .control = control,
                     .dispatching = transactions,
                     .rng = rng};

 private:
  void call(const ServerCommands::Entry& entry, const std::vector<std::string_view>& args,
            ReplyWriter& reply) {
    const uint64_t dirty = keyspace.dirty();
    const size_t before = reply.buffer().size();
    Propagation effects;
    Call one(parts_, session, entry, args, reply, effects);
    const Result<void> result = entry.handler(one);
    if (!result) {
      reply.buffer().truncate(before);
      reply.error(result.error());
    }
    const bool changed = keyspace.dirty() != dirty && entry.has(kWrite);
    if (!changed && !effects.forced()) return;
    if (!effects.replaced()) return feed(args);
    for (const auto& command : effects.commands()) feed({command.begin(), command.end()});
  }
  void feed(const std::vector<std::string_view>& args) {
    if (!fed_.empty()) fed_ += "; ";
    for (size_t i = 0; i < args.size(); ++i) {
      if (i > 0) fed_ += ' ';
      fed_ += args[i];
    }
  }

  std::string fed_;
};

}  // namespace redan
