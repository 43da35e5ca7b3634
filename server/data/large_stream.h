// A stream: entries in the order of their ids, in nodes of some kilobytes, and consumer groups.
//
// The nodes (stream_node.h) hold what Redis' hold, byte for byte: entries are appended to the last
// one until it is full, deleted ones stay in their node, marked, until all of it is deleted. A node
// is found in O(log n), appending is O(1); nodes take the bytes that they need and no more.
//
// Invariants, asserted by check_invariants(): nodes follow each other by id, none of their ids is
// above last_id; length counts the entries that are not deleted.
//
// Snapshot: what was there at the mark is not written any more but copied first (EpochHeap); the
// pieces come in RDB's order (StreamWalk). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "server/data/epoch_heap.h"
#include "server/data/ordered_chunks.h"
#include "server/data/stream_groups.h"
#include "server/data/stream_id.h"
#include "server/data/stream_node.h"
#include "server/data/value.h"

namespace redan {

class StreamWalk;

// Where a node is.
struct StreamNodeRef {
  StreamId id;
  char* bytes = nullptr;
  uint32_t birth = 0;
  StreamId key() const { return id; }
  std::string_view view() const {
    uint32_t total;
    std::memcpy(&total, bytes, 4);
    return {bytes, total};
  }
  StreamNode node() const { return {id, view()}; }
};
using StreamNodes = OrderedChunks<StreamNodeRef>;

// What is known of a stream beside its entries and groups.
struct StreamState {
  uint64_t length = 0;
  StreamId last_id;            // the highest there ever was
  StreamId first_id;           // of the first entry; zero where there is none
  StreamId max_deleted_id;     // the highest that XDEL took away
  uint64_t entries_added = 0;  // in its whole life
  friend bool operator==(const StreamState&, const StreamState&) = default;
};

struct StreamTrim {
  bool whole_nodes = false;  // only those: MAXLEN ~
  uint64_t limit = 0;        // of entries; 0: none
};

class LargeStream final : public LargeValue {
 public:
  // No node is larger, whatever the configuration says, and no entry's words together.
  static constexpr uint64_t kMostNodeBytes = uint64_t{1} << 30;
  struct NodeLimits {
    uint64_t bytes = 4096;
    uint64_t entries = 100;  // 0: any number
  };

  LargeStream();
  ~LargeStream() override;

  const StreamState& state() const { return state_; }
  uint64_t length() const { return state_.length; }
  const StreamNodes& nodes() const { return nodes_; }
  bool contains(StreamId id) const;
  // See radix_shape.h; counted again only after nodes came or went.
  size_t radix_tree_nodes() const;

  // `words` are fields and values by turns; the id is above last_id.
  void append(StreamId id, std::span<const std::string_view> words, const NodeLimits& limits);
  // False: there is no such entry.
  bool erase(StreamId id);
  // These answer how many entries went.
  uint64_t trim_to_length(uint64_t length, const StreamTrim& how);
  uint64_t trim_before(StreamId id, const StreamTrim& how);
  // Any last_id that is not below an entry's.
  void set_ids(StreamId last_id, StreamId max_deleted_id, uint64_t entries_added);

  // nullptr: it never had one.
  const StreamGroups* groups() const { return groups_.get(); }
  StreamGroups& change_groups();

  // For loading: a node behind all others, whose bytes were validated, and what goes with them.
  void load_node(StreamId id, std::string_view bytes);
  void load_state(const StreamState& state) { state_ = state; }
  // Of the first entry, zero where there is none.
  StreamId find_first() const;

  LargeKind kind() const override { return LargeKind::kStream; }
  // Entries and pending entries.
  size_t size() const override {
    return state_.length + (groups_ == nullptr ? 0 : groups_->pending());
  }
  size_t memory_bytes() const override { return size_class(sizeof(*this)) + heap_.bytes(); }
  std::unique_ptr<LargeValue> clone() const override;
  std::string_view encoding_name() const override { return "stream"; }
  void for_each_piece(PieceSink& sink) const override;
  void begin_snapshot(PieceSink* sink) override;
  bool in_snapshot() const override { return walk_ != nullptr; }
  bool walk_snapshot(size_t pieces) override;
  void end_snapshot() override;
  void check_invariants() const override;

 private:
  StreamNodeRef& own(StreamNodes::Position at);
  void set_integer(StreamNodeRef& node, size_t at, uint64_t value);
  void begin_node(StreamId id, std::span<const std::string_view> words);
  void extend_node(const StreamNode& node, StreamId id, std::span<const std::string_view> words);
  void mark_deleted(StreamNodeRef& node, size_t flags_at);
  void count_deleted(StreamNodeRef& node, uint64_t entries);
  void remove_node(StreamNodes::Position at);
  template <class Goes, class GoesWhole>
  uint64_t trim(const StreamTrim& how, Goes&& goes, GoesWhole&& goes_whole);

  EpochHeap heap_;
  StreamState state_;
  StreamNodes nodes_;
  std::unique_ptr<StreamGroups> groups_;
  std::unique_ptr<StreamWalk> walk_;
  mutable size_t radix_tree_nodes_ = 0;  // 0: not counted
};

}  // namespace redan
