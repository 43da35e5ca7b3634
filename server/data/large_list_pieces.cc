// What a large list hands to snapshots and copies, and what must hold of it.
#include <cstdlib>

#include "common/base/check.h"
#include "server/data/large_list.h"
#include "server/data/list_compression.h"
#include "server/data/list_node_bytes.h"

namespace redan {

namespace {

using list_detail::node_memory;
using list_detail::packed_bytes;
using list_detail::plain_text;
using list_detail::whole;

constexpr size_t kMemoryAlignment = 16;
// RDB's names of what a node holds.
constexpr int64_t kPlainNode = 1;
constexpr int64_t kPackedNode = 2;

ValuePiece piece_of(const char* bytes, bool plain) {
  return {.kind = ValuePiece::Kind::kNode,
          .a = plain ? plain_text(bytes) : packed_bytes(bytes),
          .b = {},
          .number = plain ? kPlainNode : kPackedNode};
}

}  // namespace

std::unique_ptr<LargeValue> LargeList::clone() const {
  auto copy = std::make_unique<LargeList>(limits_);
  OpenNode open;
  for (size_t i = 0; i < row_.size(); ++i) {
    const ListNode& node = row_[i];
    const char* const bytes = open.bytes(node);
    node.plain != 0 ? copy->append_plain(plain_text(bytes))
                    : copy->append_packed(packed_bytes(bytes));
  }
  return copy;
}

void LargeList::for_each_piece(PieceSink& sink) const {
  OpenNode open;
  for (size_t i = 0; i < row_.size(); ++i) {
    sink.piece(piece_of(open.bytes(row_[i]), row_[i].plain != 0));
  }
}

void LargeList::begin_snapshot(PieceSink* sink) {
  REDAN_CHECK(!in_snapshot());
  snapshot_ = std::make_unique<Snapshot>();
  snapshot_->sink = sink;
  snapshot_->nodes.reserve(row_.size());
  for (size_t i = 0; i < row_.size(); ++i) {
    ListNode& node = row_[i];
    snapshot_->nodes.push_back(
        {node.bytes, node.room, node.plain != 0, node.compressed != 0, false});
    node.frozen = 1;
    node.number = static_cast<uint32_t>(i);
  }
}

bool LargeList::walk_snapshot(size_t pieces) {
  OpenNode open;
  for (Snapshot& s = *snapshot_; pieces > 0 && s.walked < s.nodes.size(); --pieces) {
    FrozenNode& node = s.nodes[s.walked];
    s.sink->piece(piece_of(open.bytes(node.bytes, node.compressed), node.plain));
    if (node.left_behind) std::free(node_memory(node.bytes, node.room));
    ++s.walked;
  }
  return snapshot_->walked < snapshot_->nodes.size();
}

void LargeList::end_snapshot() {
  if (!in_snapshot()) return;
  for (size_t i = 0; i < row_.size(); ++i) {
    ListNode& node = row_[i];
    if (node.frozen == 0) continue;
    node.frozen = 0;
    node.room = snapshot_->nodes[node.number].room;
  }
  for (size_t i = snapshot_->walked; i < snapshot_->nodes.size(); ++i) {
    const FrozenNode& node = snapshot_->nodes[i];
    if (node.left_behind) std::free(node_memory(node.bytes, node.room));
  }
  snapshot_.reset();
}

void LargeList::check_invariants() const {
  size_t elements = 0;
  size_t bytes = 0;
  int64_t last_frozen = -1;
  for (size_t i = 0; i < row_.size(); ++i) {
    const ListNode& node = row_[i];
    REDAN_CHECK(node.count > 0);
    elements += node.count;
    bytes += allocated(node);
    if (node.frozen != 0) {
      REDAN_CHECK(in_snapshot());
      REDAN_CHECK(static_cast<int64_t>(node.number) > last_frozen);
      last_frozen = static_cast<int64_t>(node.number);
      REDAN_CHECK(snapshot_->nodes[node.number].bytes == node.bytes);
      REDAN_CHECK(!snapshot_->nodes[node.number].left_behind);
    }
    const bool may_be_compressed = limits_.depth != 0 && is_inside(i);
    if (node.compressed != 0) {
      REDAN_CHECK(may_be_compressed);
      REDAN_CHECK(room_of(node).gap() == 0);
    } else if (may_be_compressed) {
      const list_detail::Compressed smaller = list_detail::compress(whole(node));
      REDAN_CHECK(smaller.bytes == nullptr);
    }
    OpenNode open;
    const char* const opened = open.bytes(node);
    if (node.plain != 0) {
      REDAN_CHECK(node.count == 1);
      REDAN_CHECK(room_of(node).gap() == 0);
      continue;
    }
    const std::string_view packed = packed_bytes(opened);
    REDAN_CHECK(Listpack::validate(packed));
    REDAN_CHECK(Listpack(packed).size() == node.count);
    const NodeRoom room = room_of(node);
    if (node.compressed == 0) REDAN_CHECK(room.gap() + packed.size() <= room.capacity());
    REDAN_CHECK(room.capacity() == size_class(room.capacity()));
    // Where the gap is wrong, this is seldom where a block of the allocator begins.
    REDAN_CHECK(reinterpret_cast<uintptr_t>(node_memory(node.bytes, room)) % kMemoryAlignment == 0);
  }
  REDAN_CHECK(elements == size_);
  REDAN_CHECK(bytes == node_bytes_);
}

}  // namespace redan
