// One command being executed: what its handler gets.
//
// A handler runs on the data thread, after every gate let the call through. It writes its reply and
// returns kOk, or returns an Error, which the dispatcher writes and counts. What it changed in the
// keyspace is replicated as the request stands, unless it says something else (propagate_as).
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/command/args.h"
#include "common/command/table.h"
#include "common/config/registry.h"
#include "common/resp/writer.h"
#include "server/config/server_config.h"
#include "server/keyspace/keyspace.h"
#include "server/session/key_events.h"
#include "server/session/services.h"
#include "server/session/session.h"

namespace redan {

class BlockedKeys;
class Call;
class ClientIo;
class Dispatching;
struct Access;
class NodeControl;
class PubSub;
class Tracking;
class Waits;
class WatchedKeys;
struct CommandLogs;
struct ServerStats;
using ServerCommands = CommandTable<Call>;

// The parts of a node that handlers use; the node owns them, and they outlive every call.
struct ServerParts {
  Keyspace& keyspace;
  ServerConfig& config;
  Registry& options;
  ServerCommands& commands;
  ClientIo& clients;
  PubSub& pubsub;
  Tracking& tracking;
  WatchedKeys& watched;
  CommandLogs& logs;
  Waits& waits;
  BlockedKeys& blocked;
  Access& access;
  ServerStats& stats;
  SnapshotService& snapshots;
  ReplicationService& replication;
  NodeControl& control;
  Dispatching& dispatching;
  Rng& rng;
  ClusterService* cluster = nullptr;      // null: a node by itself
  MigrationService* migration = nullptr;  // as `cluster`
};

// What must reach replicas in place of the request. Kept by the dispatcher, so that its memory is
// used again.
class Propagation {
 public:
  void clear() {
    if (words_ > kMostKept) commands_ = {};
    used_ = words_ = 0;
    replaced_ = forced_ = false;
  }
  // Where nobody listens there is nothing to keep.
  void set_heard(bool heard) { heard_ = heard; }
  bool replaced() const { return replaced_; }
  bool forced() const { return forced_; }
  void force() { forced_ = true; }
  std::span<const std::vector<std::string>> commands() const { return {commands_.data(), used_}; }
  void replace() { replaced_ = true; }
  void add(std::initializer_list<std::string_view> args) {
    add(std::span<const std::string_view>(args.begin(), args.size()));
  }
  void add(std::span<const std::string_view> args) {
    if (!heard_) return;
    words_ += args.size();
    if (used_ == commands_.size()) commands_.emplace_back();
    std::vector<std::string>& command = commands_[used_++];
    command.resize(args.size());
    for (size_t i = 0; i < args.size(); ++i) command[i].assign(args[i]);
  }

 private:
  static constexpr size_t kMostKept = 10'000;  // words

  std::vector<std::vector<std::string>> commands_;
  size_t used_ = 0;
  size_t words_ = 0;
  bool heard_ = true;
  bool replaced_ = false;
  bool forced_ = false;
};

// What a command waits for that found nothing.
struct Blocking {
  std::span<const std::string_view> keys;
  ValueType wanted = ValueType::kList;
  std::optional<Instant> deadline = std::nullopt;  // none: for ever
  // Also when a key goes, or comes to hold something else (XREADGROUP, whose handler says so).
  bool also_gone = false;
  // What is executed again, where it is not the request as it came (XREAD's `$`).
  std::span<const std::string_view> request = {};
};

class Call {
 public:
  using Args = std::span<const std::string_view>;
  Call(ServerParts& parts, Session& caller, const ServerCommands::Entry& entry, Args args,
       ReplyWriter& writer, Propagation& effects)
      : server_(parts),
        session_(caller),
        entry_(entry),
        args_(args),
        reply_(writer),
        effects_(effects) {}

  // The request; arg(0) is the command's name (a subcommand's is arg(1)).
  size_t arg_count() const { return args_.size(); }
  std::string_view arg(size_t i) const { return args_[i]; }
  Args args() const { return args_; }
  const ServerCommands::Entry& entry() const { return entry_; }

  ReplyWriter& reply() { return reply_; }
  Session& session() { return session_; }
  // The number of the session's database.
  int db() const { return session_.db; }
  Keyspace& keyspace() { return server_.keyspace; }
  const Keyspace& keyspace() const { return server_.keyspace; }
  const ServerConfig& config() const { return server_.config; }
  Instant now() const;
  ServerParts& server() { return server_; }

  // Nothing is there yet: the client waits, and the handler returns kOk without a reply. Whenever
  // one of the keys has changed and holds the type that is wanted, the handler runs again, with the
  // same request, past the same gates; it either replies, or calls block_on again, which keeps its
  // place in the line and its deadline (these arguments are ignored then). At the deadline the
  // client gets a null array. See server/session/blocked_keys.h.
  // Where nobody can wait (may_block() is false: in a transaction, or without a connection) the
  // answer is a null array at once.
  void block_on(const Blocking& how);
  bool may_block() const;

  // A keyspace notification (notify-keyspace-events), said after the change. Creation (`n`), misses
  // (`m`) and expiry (`x`) are told by the keyspace itself.
  void notify(KeyspaceEvents::Class kind, std::string_view event, std::string_view key) {
    notify(kind, event, key, db());
  }
  void notify(KeyspaceEvents::Class kind, std::string_view event, std::string_view key, int db) {
    const KeyspaceEvents enabled = config().notify_keyspace_events;
    if (!enabled.has(kind)) [[likely]] {
      return;
    }
    publish_key_event(server_.pubsub, enabled, {kind, event, key, db});
  }

  // Replicas get this command instead of the request; more calls add more commands, which replicas
  // execute as one transaction. Nothing is replicated unless the keyspace counted a change.
  void propagate_as(std::initializer_list<std::string_view> args) {
    effects_.replace();
    effects_.add(args);
  }
  void propagate_as(std::span<const std::string_view> args) {
    effects_.replace();
    effects_.add(args);
  }
  // Replicas get the request although no key changed (PUBLISH).
  void force_propagation() { effects_.force(); }
  // The change stays here.
  void propagate_nothing() { effects_.replace(); }

 private:
  ServerParts& server_;
  Session& session_;
  const ServerCommands::Entry& entry_;
  Args args_;
  ReplyWriter& reply_;
  Propagation& effects_;
};

}  // namespace redan
