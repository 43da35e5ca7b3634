// A large list: elements in nodes of some KiB, each a listpack, or one plain element that is too
// large for one. The nodes' addresses and counts stand in a row (ListRow), so that both ends take
// O(1), and an index is found by adding counts from the nearer end, 16 bytes a node.
//
// A listpack may lie anywhere in what its node has allocated (NodeRoom), so that an element that
// comes or goes moves what is between it and the nearer end only: at the head the six bytes of the
// listpack's header. A node that has to grow gets its new room at the end that wants it; where one
// end has none left but the other has, they share it.
//
// Compression (list-compress-depth): a node that is further from both ends than the depth is
// compressed where that saves memory, always: what moves outward or is about to change is
// decompressed (own()), what moves inward or was changed is compressed at once (close()). Reading
// decompresses into memory of the reader's (OpenNode).
//
// Snapshot: pieces are nodes, and come in their order. At the mark every node is frozen: the
// snapshot knows its address, and whoever wants to change it takes a copy first and leaves the old
// bytes to the snapshot, which frees them once they are handed over. A node that was handed over is
// the list's alone again, and changed without a copy. Compressing and decompressing are changes.
//
// Invariants (check_invariants()): no node is empty; a node's count is its listpack's, counts add
// up to size(); a listpack lies in what its node has allocated, which is as counted; frozen nodes
// exist in a snapshot only, and their numbers rise along the row; nodes are compressed exactly
// where depth and gain say so. A view of an element is good until the next change.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/parse.h"
#include "server/data/limits.h"
#include "server/data/list_compression.h"
#include "server/data/list_node_bytes.h"
#include "server/data/list_nodes.h"
#include "server/data/listpack.h"
#include "server/data/value.h"

namespace redan {

enum class ListEnd : uint8_t { kHead, kTail };

// A text to compare elements with, read as a number once.
class ListNeedle {
 public:
  explicit ListNeedle(std::string_view text);
  std::string_view text() const { return text_; }
  bool equals(const Listpack::Element& element) const {
    return element.is_integer ? number_ && *number_ == element.integer : element.text == text_;
  }

 private:
  std::string_view text_;
  std::optional<int64_t> number_;  // where it is one in canonical form
};

class LargeList final : public LargeValue {
 public:
  using Element = Listpack::Element;

  explicit LargeList(const ListLimits& limits) : limits_(limits) {}
  ~LargeList() override;

  // The element must be there; it is good as long as `open`.
  Element at(size_t index, OpenNode& open) const;
  // The first or last.
  Element end(ListEnd end) const;
  // `count` elements from `first` on, towards the tail or towards the head; each(element) says
  // whether to go on.
  template <class Each>
  void for_each(size_t first, size_t count, ListEnd towards, Each&& each) const;

  void push(ListEnd end, std::string_view text);
  // In front of the element at `index`; at size(): behind the last.
  void insert(size_t index, std::string_view text);
  void replace(size_t index, std::string_view text);
  void erase(size_t first, size_t count);
  // Takes out up to `most` elements that equal `needle`, beginning at that end; how many it were.
  size_t erase_equal(const ListNeedle& needle, size_t most, ListEnd from);

  // Whole nodes behind the last: a listpack that has elements, an element of its own.
  void append_packed(std::string_view listpack);
  void append_plain(std::string_view text);
  // The listpack of a list that is one node; nothing where it is not.
  std::optional<std::string_view> only_listpack() const;
  const ListLimits& limits() const { return limits_; }

  LargeKind kind() const override { return LargeKind::kList; }
  size_t size() const override { return size_; }
  size_t memory_bytes() const override {
    return size_class(sizeof *this) + row_.memory_bytes() + node_bytes_;
  }
  std::unique_ptr<LargeValue> clone() const override;
  std::string_view encoding_name() const override { return "quicklist"; }
  void for_each_piece(PieceSink& sink) const override;
  size_t piece_count() const override { return row_.size(); }
  void begin_snapshot(PieceSink* sink) override;
  bool in_snapshot() const override { return snapshot_ != nullptr; }
  bool walk_snapshot(size_t pieces) override;
  void end_snapshot() override;
  void check_invariants() const override;

 private:
  // A place in the row, and one in its node.
  struct Position {
    size_t node;
    size_t index;
  };
  struct FrozenNode {
    char* bytes;
    NodeRoom room;
    bool plain;
    bool compressed;
    bool left_behind;  // The list has another node in its place, or none.
  };
  struct Snapshot {
    PieceSink* sink;
    std::vector<FrozenNode> nodes;
    size_t walked = 0;
  };

  Position find(size_t index) const;
  NodeRoom room_of(const ListNode& node) const;
  size_t allocated(const ListNode& node) const;
  bool needed_by_snapshot(const ListNode& node) const {
    return node.frozen != 0 && node.number >= snapshot_->walked;
  }
  bool has_room(const ListNode& node, std::string_view text) const;

  void add(size_t at, const ListNode& node);
  void drop(size_t from, size_t nodes);
  ListNode& own(size_t at) {
    ListNode& node = row_[at];
    if (node.frozen != 0 || node.compressed != 0) [[unlikely]] {
      node.compressed != 0 ? decompress(node) : thaw(node);
    }
    return node;
  }
  void thaw(ListNode& node);
  void give(ListNode& node, char* bytes, NodeRoom room, bool compressed);
  // Of a node that was changed, or is new.
  void close(size_t at) {
    if (limits_.depth != 0) [[unlikely]] {
      compress(at);
    }
  }
  bool is_inside(size_t at) const {
    return at >= limits_.depth && at + limits_.depth < row_.size();
  }
  void compress(size_t at);
  void decompress(ListNode& node);
  void decompress_ends(size_t moved);
  void insert_node(size_t at, std::string_view text);
  void insert_into(size_t at, size_t index, std::string_view text);
  void erase_in(size_t at, size_t index, size_t count);
  void split(size_t at, size_t index);
  bool merge_behind(size_t at);
  void merge_around(size_t at);

  ListLimits limits_;
  ListRow row_;
  size_t size_ = 0;
  size_t node_bytes_ = 0;
  std::unique_ptr<Snapshot> snapshot_;
};

namespace list_detail {

constexpr size_t kPlainHead = sizeof(uint64_t);

inline std::string_view plain_text(const char* bytes) {
  uint64_t size;
  std::memcpy(&size, bytes, sizeof size);
  return {bytes + sizeof size, size};
}
// All of a node that is not compressed.
inline std::string_view whole(const ListNode& node) {
  if (node.plain == 0) return packed_bytes(node.bytes);
  return {node.bytes, kPlainHead + plain_text(node.bytes).size()};
}
inline Listpack::Element plain_element(const char* bytes) {
  Listpack::Element element;
  element.text = plain_text(bytes);
  return element;
}

}  // namespace list_detail

template <class Each>
void LargeList::for_each(size_t first, size_t count, ListEnd towards, Each&& each) const {
  if (count == 0) return;
  Position from = find(first);
  OpenNode open;
  const bool forwards = towards == ListEnd::kTail;
  for (;;) {
    const ListNode& node = row_[from.node];
    const char* const bytes = open.bytes(node);
    if (node.plain != 0) {
      if (!each(list_detail::plain_element(bytes)) || --count == 0) return;
    } else {
      const Listpack pack(list_detail::packed_bytes(bytes));
      for (size_t at = pack.nth(static_cast<int64_t>(from.index)); at != Listpack::kNone;
           at = forwards ? pack.next(at) : pack.previous(at)) {
        if (!each(pack.at(at)) || --count == 0) return;
      }
    }
    from.node += forwards ? 1 : static_cast<size_t>(-1);
    from.index = forwards ? 0 : row_[from.node].count - 1;
  }
}

// A list that is made now.
inline ListLimits list_limits(const EncodingLimits& limits) {
  return ListLimits::of(limits.list_size, limits.list_compress_depth);
}

// A list as the value of a key: one listpack where its limits allow that.
StoredValue stored(std::unique_ptr<LargeList> list);

}  // namespace redan
