// Where this node stands in replication: whose history its data belongs to, how far it goes, and
// which bytes of it are still here for replicas. Each function is one of the few ways in which
// that may change; both roles go through them, so that name, offset and bytes always belong
// together.
#pragma once

#include <optional>
#include <string>

#include "server/replication/backlog.h"
#include "server/replication/history.h"
#include "server/replication/link_machine.h"

namespace redan {

class Standing {
 public:
  Standing(std::string id, int64_t backlog_bytes)
      : history_(std::move(id)), backlog_(backlog_bytes) {}

  const History& history() const { return history_; }
  const Backlog& backlog() const { return backlog_; }
  // For feeding and reading; what else changes goes through the functions below.
  Backlog& stream() { return backlog_; }

  // The first replica of a primary comes. What was written so far was not counted, so nobody can
  // share the history up to here: it gets a new name. False if a backlog exists already.
  bool begin_backlog(std::string new_id);
  // A primary without replicas gives its backlog up (repl-backlog-ttl).
  void end_backlog(std::string new_id);

  // REPLICAOF NO ONE: what comes is a branch of what was.
  void rename(std::string new_id) { history_.replace(std::move(new_id)); }
  void promote(std::string new_id);
  // REPLICAOF host port: the stream of another node is going to be passed on.
  void follow();
  // What a PSYNC may ask to go on from; none where the data is not known to belong to a history.
  std::optional<StreamPosition> position() const;
  // +CONTINUE: true if the history has another name now, so that replicas of ours must be told.
  bool resumed(std::string_view id);
  // A full sync is in service.
  void replaced(std::string_view id, int64_t offset);

  // At start, from an RDB file that says where it stands.
  void restored_as_replica(std::string_view id, int64_t offset);
  void restored_as_primary(std::string_view id, int64_t offset);

 private:
  History history_;
  Backlog backlog_;
  bool data_belongs_ = false;
};

}  // namespace redan
