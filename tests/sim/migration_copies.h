// Replication in the migrations' world. A copy carries all that its primary holds, each time; their
// order and atomicity are those of a stream. What a copy says of imports is what a replica knows of
// them when it takes over.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "server/cluster/bus_machine.h"
#include "tests/sim/migration_data.h"

namespace redan::sim {

class MigrationNode;

// A node's end of it, as a primary and as a replica.
class MigrationCopies {
 public:
  explicit MigrationCopies(MigrationNode& node) : node_(node) {}

  void boot();
  void crash() { pending_.clear(); }
  void send_to_all();
  // A client's write; it counts once the replica has it.
  void wrote(Slot slot, uint32_t value) { pending_.push_back({node_offset(), slot, value}); }
  bool all_replicas_have(int64_t offset) const;
  // From now on replicas are told that this import is ready,
  void note_ready(MoveId move) { noted_.insert(move); }
  // and this one claimed, after which they hear no more of it, if they heard of it.
  void note_claimed(const IncomingSlots& import);
  void became_primary();
  void follows() { pending_.clear(); }
  // Of a replica: when it last heard of its primary.
  std::optional<Instant> copied_at() const { return copied_at_; }

 private:
  struct Copy {
    int from = 0;
    uint64_t life = 0;
    int64_t offset = 0;
    SlotValues values;
    std::map<MoveId, IncomingSlots> notes;
  };
  struct Write {
    int64_t offset;
    Slot slot;
    uint32_t value;
  };
  int64_t node_offset() const;
  void send(int to);
  void apply(const Copy& copy, cluster::BusEffects& out);
  void replica_has(int replica, int64_t offset);

  MigrationNode& node_;
  std::deque<Write> pending_;
  std::map<NodeId, int64_t> replica_at_;
  std::map<int, Nanos> copy_at_;
  std::optional<Instant> copied_at_;
  std::set<MoveId> noted_;
  Nanos claimed_at_{};
  std::map<MoveId, IncomingSlots> claimed_;
};

}  // namespace redan::sim
