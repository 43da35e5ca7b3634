// What command handlers ask of the parts that touch disks and sockets. The drivers implement these;
// tests of handlers use their own. All calls are made on the data thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/slot_set.h"
#include "common/base/time.h"

namespace redan {

class ClusterView;
class InfoWriter;
class ReplyWriter;
struct ClusterVerb;
struct Session;

// RDB files: SAVE, BGSAVE, LASTSAVE, DEBUG RELOAD.
class SnapshotService {
 public:
  virtual ~SnapshotService() = default;
  virtual Result<void> save() = 0;                   // SAVE: returns when the file is in place
  virtual Result<void> begin_background_save() = 0;  // BGSAVE
  virtual void schedule_background_save() = 0;       // BGSAVE SCHEDULE
  virtual void cron() = 0;                           // ten times a second
  virtual bool in_progress() const = 0;
  virtual bool last_save_ok() const = 0;  // stop-writes-on-bgsave-error asks
  virtual int64_t last_save_unix_s() const = 0;
  // DEBUG RELOAD: save first; the file's keys take the place of all keys (flush), or come beside
  // them: an error where a key is there already, unless it is to be replaced (merge).
  struct Reload {
    bool save = true;
    bool flush = true;
    bool merge = false;
  };
  virtual Result<void> reload(const Reload& how) = 0;
  virtual void write_info(InfoWriter& info) const = 0;  // the fields of INFO persistence
};

// For INFO: bytes that crossed replication's links since the start, and what the stream holds now.
struct ReplicationTraffic {
  uint64_t input_bytes = 0;       // from our primary
  uint64_t output_bytes = 0;      // to our replicas
  uint64_t own_socket_bytes = 0;  // of the input: not through a client's connection
  int64_t backlog_bytes = 0;      // memory of the blocks that the backlog's size asks for
  int64_t buffer_bytes = 0;       // memory of all blocks, with what slow replicas still need
};

// Both roles of replication.
class ReplicationService {
 public:
  virtual ~ReplicationService() = default;

  // The write path: called once for each command whose effect must reach replicas (and later the
  // AOF), after it ran. MULTI and EXEC are fed around the commands of one transaction. Returns the
  // stream's offset behind it; a replica's own writes stay here.
  virtual int64_t feed(int db, std::span<const std::string_view> args) = 0;
  // False: nobody hears the stream and no backlog keeps it, so feed() does nothing and answers
  // offset(). Changes between batches, or by a command of administration.
  virtual bool listened_to() const { return true; }
  // At the end of each batch of requests, before replies are written: hands what was fed to the
  // replicas' connections.
  virtual void flush() = 0;

  // Gates ask.
  virtual bool is_replica() const = 0;
  virtual bool link_up() const = 0;       // a replica whose data is as fresh as it can be
  virtual int good_replicas() const = 0;  // for min-replicas-to-write
  virtual bool loading() const = 0;       // a full sync is being applied in place

  // REPLICAOF; an empty host is NO ONE.
  virtual Result<void> replicate_from(std::string_view host, int port) = 0;
  virtual std::string primary_host() const = 0;
  virtual int primary_port() const = 0;

  // PSYNC and SYNC turn the session's connection into a replication stream (or answer an error).
  virtual void psync(Session& session, std::span<const std::string_view> args,
                     ReplyWriter& reply) = 0;
  virtual void replconf(Session& session, std::span<const std::string_view> args,
                        ReplyWriter& reply) = 0;
  // A session of kind kReplica or kPrimary is gone (others may be reported too).
  virtual void session_closed(Session& session) = 0;

  // A replica's stream from its primary: `raw` is the request just executed, byte for byte.
  virtual void applied(Session& link, std::string_view raw) = 0;

  // FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]
  virtual Result<void> failover(std::span<const std::string_view> args) = 0;

  virtual int64_t offset() const = 0;                 // master_repl_offset
  virtual int replicas_at(int64_t offset) const = 0;  // WAIT: acknowledged at least that
  virtual void request_acks() = 0;                    // WAIT: REPLCONF GETACK to all

  virtual void write_role(ReplyWriter& reply) const = 0;  // ROLE
  virtual void write_info(InfoWriter& info) const = 0;    // INFO replication
  virtual ReplicationTraffic traffic() const { return {}; }
  virtual void write_stats(InfoWriter& info) const = 0;  // sync_full, sync_partial_ok, ...
};

// A stream of the cluster's bus, as CLUSTER LINKS shows it.
struct ClusterLinkFacts {
  bool to = false;  // Opened by us.
  NodeId node;      // Who is at the other end; of a stream to us empty until it spoke.
  int64_t created_unix_ms = 0;
  size_t queued_bytes = 0;     // Waiting to be sent,
  size_t allocated_bytes = 0;  // and the memory for it.
};

// The node's part in a cluster; a node by itself has none.
class ClusterService {
 public:
  virtual ~ClusterService() = default;
  // All nodes and the owners of all slots, as this node sees them now.
  virtual const ClusterView& view() const = 0;
  // CLUSTER's verbs: runs one on the machine (server/cluster/verb.h) and sees its effects through.
  // What it refuses comes back.
  virtual Result<void> perform(const std::function<Result<void>(ClusterVerb&)>& verb) = 0;
  // At the end of each batch of requests, before replies are written: what verbs of the batch
  // promised is on disk from here on.
  virtual void batch_done() {}
  // A message for the subscribers on other nodes: all of them, or those of this node's shard.
  virtual void publish(bool sharded, std::string_view channel, std::string_view message) = 0;
  virtual std::vector<ClusterLinkFacts> links() const { return {}; }
  // What the view's times count from (ShownTime).
  virtual int64_t unix_ms_at_zero() const { return 0; }
};

// A move of slots between this node and another, as CLUSTER MIGRATION STATUS shows it.
struct MigrationFacts {
  std::string id;
  std::string slots;
  NodeId source;
  NodeId target;
  bool importing = false;  // Here is the target.
  std::string state;       // of what runs; else "completed", "failed", "canceled"
  std::string last_error;
  int64_t created_unix_ms = 0;
  int64_t ended_unix_ms = 0;  // 0: it runs
  int64_t write_pause_ms = 0;
  uint64_t keys = 0;          // of the snapshot, sent or received
  uint64_t bytes = 0;         // of all that was sent or received
  uint64_t behind_bytes = 0;  // sent, and not acknowledged
};

// Slots that move between nodes of ours, with their keys.
class MigrationService {
 public:
  virtual ~MigrationService() = default;
  // CLUSTER MIGRATION, at the target. The id of the task that was begun.
  virtual Result<std::string> import(const SlotSet& slots) = 0;
  virtual std::vector<MigrationFacts> tasks() const = 0;
  // One task, or all that are not decided; how many that were.
  virtual Result<int64_t> cancel(std::optional<std::string_view> id) = 0;
  // CLUSTER SYNCSLOTS: what the ends, and a target and its replicas, tell each other.
  virtual Result<void> syncslots(Session& session, std::span<const std::string_view> args,
                                 ReplyWriter& reply) = 0;

  // The write path, while tapped(): every effect that is fed to replicas, with the slot of its key.
  virtual bool tapped() const = 0;
  virtual void fed(std::optional<Slot> slot, std::span<const std::string_view> args) = 0;
  // A request of a session of kind kMigration was executed, or could not be.
  virtual void applied(Session& session, size_t bytes) = 0;
  virtual void apply_failed(Session& session, const Error& error) = 0;
  virtual void session_closed(Session& session) = 0;
  virtual void batch_done() = 0;
  // All keys go, or are replaced by others.
  virtual void flushing() = 0;
};

}  // namespace redan
