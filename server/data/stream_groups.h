// The consumer groups of one stream: how far each has read, and which entries were delivered to
// whom and not acknowledged yet.
//
// A pending entry stands in its group's list (with its consumer, the time and the number of its
// deliveries) and, by its id only, in its consumer's: both ordered by id. Invariants, asserted by
// check_invariants(): the consumers' lists divide the group's among them.
//
// Snapshot: at the mark nothing but the list of groups is copied. A group or a consumer that is
// about to change for the first time since is told to `keeper` before, and lists are copied on
// write (EpochHeap). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/data/epoch_heap.h"
#include "server/data/ordered_chunks.h"
#include "server/data/stream_id.h"

namespace redan {

class StreamConsumer;

struct PendingEntry {
  StreamId id;
  int64_t delivered_ms = 0;  // the last time
  uint64_t deliveries = 0;
  StreamConsumer* consumer = nullptr;
  StreamId key() const { return id; }
};
struct PendingId {
  StreamId id;
  StreamId key() const { return id; }
};
using PendingEntries = OrderedChunks<PendingEntry>;
using PendingIds = OrderedChunks<PendingId>;

class StreamConsumer {
 public:
  static constexpr int64_t kNever = -1;
  const std::string& name() const { return name_; }
  int64_t seen_ms() const { return seen_ms_; }      // it asked
  int64_t active_ms() const { return active_ms_; }  // it got something
  const PendingIds& pending() const { return pending_; }

 private:
  friend class StreamGroups;
  std::string name_;
  int64_t seen_ms_ = 0;
  int64_t active_ms_ = kNever;
  PendingIds pending_;
  uint32_t birth_ = 0;  // of its latest image
};

class StreamGroup {
 public:
  static constexpr int64_t kUnknownRead = -1;
  const std::string& name() const { return name_; }
  StreamId last_id() const { return last_id_; }
  // How many entries it has read, in the whole life of the stream; kUnknownRead. Never less, and it
  // stays at the largest number: Redis goes on to the smallest, which its XGROUP then refuses from
  // its own primary.
  int64_t entries_read() const { return entries_read_; }
  const PendingEntries& pending() const { return pending_; }
  // By name.
  const std::vector<std::unique_ptr<StreamConsumer>>& consumers() const { return consumers_; }
  // nullptr where there is none.
  StreamConsumer* find(std::string_view consumer) const;

 private:
  friend class StreamGroups;
  std::string name_;
  StreamId last_id_;
  int64_t entries_read_ = kUnknownRead;
  PendingEntries pending_;
  std::vector<std::unique_ptr<StreamConsumer>> consumers_;
  uint32_t birth_ = 0;
};

// Who keeps what a snapshot has not seen yet.
class GroupKeeper {
 public:
  virtual ~GroupKeeper() = default;
  virtual void keep(const StreamGroup& group) = 0;
  virtual void keep(const StreamConsumer& consumer) = 0;
};

class StreamGroups {
 public:
  explicit StreamGroups(EpochHeap& heap) : heap_(heap) {}
  ~StreamGroups();
  StreamGroups(const StreamGroups&) = delete;
  StreamGroups& operator=(const StreamGroups&) = delete;

  // By name.
  const std::vector<std::unique_ptr<StreamGroup>>& all() const { return groups_; }
  StreamGroup* find(std::string_view name) const;
  // Of all groups together.
  size_t pending() const { return pending_; }

  // nullptr: there is one of that name.
  StreamGroup* create(std::string_view name, StreamId last_id, int64_t entries_read);
  void destroy(StreamGroup& group);
  void set_position(StreamGroup& group, StreamId last_id, int64_t entries_read);
  // nullptr: there is one of that name.
  StreamConsumer* create_consumer(StreamGroup& group, std::string_view name, int64_t seen_ms);
  // What was pending for it is so no more.
  void delete_consumer(StreamGroup& group, StreamConsumer& consumer);
  void set_times(StreamConsumer& consumer, int64_t seen_ms, int64_t active_ms);

  // nullptr where there is none.
  const PendingEntry* find_pending(const StreamGroup& group, StreamId id) const;
  // Adds a pending entry, or changes one that is there, whoever had it.
  void set_pending(StreamGroup& group, const PendingEntry& entry);
  // False: it was not pending.
  bool acknowledge(StreamGroup& group, StreamId id);

  // For loading: pending entries first, without their consumers; then whose they are. False: what
  // is said contradicts what is there.
  bool load_pending(StreamGroup& group, const PendingEntry& entry);
  bool load_owner(StreamGroup& group, StreamId id, StreamConsumer& consumer);
  static bool all_owned(const StreamGroup& group);

  void copy_from(const StreamGroups& other);
  void keep_for(GroupKeeper* keeper) { keeper_ = keeper; }
  void check_invariants() const;
  size_t counted_bytes() const;  // of what the heap counts for them

 private:
  void will_change(StreamGroup& group);
  void will_change(StreamConsumer& consumer);
  void forget(StreamConsumer& consumer);

  EpochHeap& heap_;
  std::vector<std::unique_ptr<StreamGroup>> groups_;
  size_t pending_ = 0;
  GroupKeeper* keeper_ = nullptr;
};

}  // namespace redan
