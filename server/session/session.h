// What we know of one client, whatever its connection is: the state that commands read and change.
// Owned by the connection (server/drivers/client), used on the data thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/resp/writer.h"

namespace redan {

namespace acl {
class User;
}

// What the rest of the server may do with a client's connection. Implemented by
// server/drivers/client.
class Connection {
 public:
  virtual ~Connection() = default;
  // Appends to what will be written, in order with the replies of the client's own requests.
  virtual void send(std::string_view bytes) = 0;
  // The same without a copy: the block must not change any more.
  virtual void send_shared(std::shared_ptr<const std::string> block, size_t from = 0) = 0;
  // Bytes accepted by send() and not yet taken by the kernel.
  virtual size_t pending_bytes() const = 0;
  // Called once, on the data thread, when pending_bytes() has fallen to zero.
  virtual void when_drained(std::function<void()> callback) = 0;
  virtual void close_after_replies() = 0;
  // Closes at the next turn of the loop; safe to call from anywhere on the data thread.
  virtual void close_soon(std::string_view why) = 0;
  // Stops and resumes reading requests (CLIENT PAUSE, blocked clients).
  virtual void stop_reading() = 0;
  virtual void resume_reading() = 0;
  // Lets the kernel wait a moment and send larger packets (repl-disable-tcp-nodelay).
  virtual void gather_packets() = 0;
  virtual std::string peer_address() const = 0;  // "127.0.0.1:50000", "/path:0"
  virtual std::string local_address() const = 0;
  virtual int descriptor() const = 0;
};

// Commands held back between MULTI and EXEC.
struct QueuedCommand {
  std::vector<std::string> args;
};

struct Transaction {
  size_t bytes = 0;  // of memory, for what is queued and watched
  bool open = false;
  bool failed = false;        // a command was refused while queuing: EXEC answers EXECABORT
  bool disturbed = false;     // a watched key changed: EXEC answers nil
  uint32_t queued_flags = 0;  // CommandFlags of everything in the queue
  std::vector<QueuedCommand> queue;
  std::vector<std::pair<int, std::string>> watched;  // (db, key)
};

struct Tracker;  // tracking.h

struct Subscriptions {
  std::set<std::string, std::less<>> channels;
  std::set<std::string, std::less<>> patterns;
  std::set<std::string, std::less<>> shard_channels;
  size_t bytes = 0;  // of memory, for all names
  size_t count() const { return channels.size() + patterns.size() + shard_channels.size(); }
};

// kMigration: the stream of a node whose slots come here. kMonitor: a client that said MONITOR.
enum class ClientKind : uint8_t { kNormal, kPubSub, kReplica, kPrimary, kMigration, kMonitor };

struct Session {
  uint64_t id = 0;
  int db = 0;
  Resp resp = Resp::k2;
  ClientKind kind = ClientKind::kNormal;
  bool authenticated = false;
  // Authenticated as a user who may do everything: nothing of what it asks for needs a look
  // (access.h keeps it so).
  bool unlimited = false;
  bool no_evict = false;
  bool no_touch = false;
  bool reply_off = false;        // CLIENT REPLY OFF
  bool reply_skip_next = false;  // CLIENT REPLY SKIP, for the command behind it
  bool reply_skip = false;
  bool readonly = false;  // cluster READONLY
  bool asking = false;
  bool in_exec = false;  // its transaction is being executed
  bool unix_socket = false;
  bool in_tracking = false;  // it tracks (tracker), or another client's invalidations come here
  const acl::User* user = nullptr;  // null: no client of ours, and not subject to any user's rules
  std::string name;
  std::string lib_name;
  std::string lib_version;
  const char* last_command = "NULL";
  Instant created{};
  Instant last_interaction{};
  int64_t last_write_offset = 0;  // WAIT: the stream's offset behind this client's last write
  std::unique_ptr<Transaction> transaction;      // only for clients that ever used MULTI or WATCH
  std::unique_ptr<Subscriptions> subscriptions;  // only for clients that ever subscribed
  Tracker* tracker = nullptr;                    // CLIENT TRACKING; Tracking owns it
  size_t waiting_bytes = 0;                      // of the request that it is blocked in
  Connection* connection = nullptr;              // null in tests and for scripts

  // CLIENT REPLY is not ON.
  bool replies_withheld() const { return reply_off || reply_skip || reply_skip_next; }
  bool in_multi() const { return transaction != nullptr && transaction->open; }
  size_t subscription_count() const {
    return subscriptions == nullptr ? 0 : subscriptions->count();
  }
  // Memory of all this beside the session itself.
  size_t memory_bytes() const;
};

}  // namespace redan
