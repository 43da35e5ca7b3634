#include "server/data/large_list.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "common/base/check.h"
#include "server/data/list_node_bytes.h"

namespace redan {

namespace {

using list_detail::allocate_node;
using list_detail::kPlainHead;
using list_detail::node_memory;
using list_detail::packed_bytes;
using list_detail::plain_element;
using list_detail::plain_text;
using list_detail::whole;

// As a listpack tells it: as far as it has the bits.
void store_count(const ListNode& node) {
  const auto count16 =
      static_cast<uint16_t>(std::min<uint32_t>(node.count, Listpack::kUnknownCount));
  std::memcpy(node.bytes + sizeof(uint32_t), &count16, sizeof count16);
}

// A listpack of its own from the elements of another that stand in [from, to).
ListNode make_packed(const char* from, const char* to, size_t count) {
  const auto elements = static_cast<size_t>(to - from);
  const size_t total = Listpack::kHeaderBytes + elements + 1;
  const size_t capacity = size_class(total);
  REDAN_CHECK(total <= UINT32_MAX);
  REDAN_CHECK(count <= ListNode::kMostElements);
  ListNode node{
      allocate_node(capacity), static_cast<uint32_t>(count) & ListNode::kMostElements, 0, 0, 0,
      {NodeRoom(capacity, 0)}};
  const auto total32 = static_cast<uint32_t>(total);
  std::memcpy(node.bytes, &total32, sizeof total32);
  store_count(node);
  std::memcpy(node.bytes + Listpack::kHeaderBytes, from, elements);
  node.bytes[total - 1] = '\xFF';
  return node;
}

ListNode make_packed(std::string_view listpack) {
  const Listpack pack(listpack);
  return make_packed(listpack.data() + Listpack::kHeaderBytes,
                     listpack.data() + listpack.size() - 1, pack.size());
}

ListNode make_plain(std::string_view text) {
  ListNode node{allocate_node(size_class(kPlainHead + text.size())), 1, 0, 1, 0, {NodeRoom()}};
  const uint64_t size = text.size();
  std::memcpy(node.bytes, &size, sizeof size);
  if (!text.empty()) std::memcpy(node.bytes + kPlainHead, text.data(), text.size());
  return node;
}

size_t plain_allocated(const char* bytes) {
  return size_class(kPlainHead + plain_text(bytes).size());
}

}  // namespace

ListNeedle::ListNeedle(std::string_view text) : text_(text) {
  const bool may_be =
      !text.empty() && text.size() <= 20 && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
  if (may_be) number_ = parse_int64(text);
}

LargeList::~LargeList() {
  if (in_snapshot()) end_snapshot();
  for (size_t i = 0; i < row_.size(); ++i) std::free(node_memory(row_[i].bytes, row_[i].room));
}

// --- nodes ---

NodeRoom LargeList::room_of(const ListNode& node) const {
  return node.frozen != 0 ? snapshot_->nodes[node.number].room : node.room;
}

size_t LargeList::allocated(const ListNode& node) const {
  const bool has_room = node.plain == 0 || node.compressed != 0;
  return has_room ? room_of(node).capacity() : plain_allocated(node.bytes);
}

bool LargeList::has_room(const ListNode& node, std::string_view text) const {
  return node.plain == 0 &&
         limits_.allow(packed_bytes(node.bytes).size() + text.size() + ListLimits::kOverhead,
                       node.count + 1U);
}

void LargeList::add(size_t at, const ListNode& node) {
  row_.insert(at, node);
  node_bytes_ += allocated(node);
  size_ += node.count;
  const size_t depth = limits_.depth;
  if (depth != 0 && row_.size() > 2 * depth) [[unlikely]] {
    // What moved inward, unless it is the new one itself.
    const size_t last = row_.size() - 1 - depth;
    if (at <= depth) compress(depth);
    if (at >= last) compress(last);
  }
}

void LargeList::drop(size_t from, size_t nodes) {
  for (size_t i = from; i < from + nodes; ++i) {
    const ListNode& node = row_[i];
    size_ -= node.count;
    node_bytes_ -= allocated(node);
    if (needed_by_snapshot(node)) {
      snapshot_->nodes[node.number].left_behind = true;
    } else {
      std::free(node_memory(node.bytes, room_of(node)));
    }
  }
  row_.erase(from, nodes);
  if (limits_.depth != 0) [[unlikely]] {
    decompress_ends(nodes);
  }
}

// Other memory for what a node holds.
void LargeList::give(ListNode& node, char* bytes, NodeRoom room, bool compressed) {
  node_bytes_ -= allocated(node);
  if (needed_by_snapshot(node)) {
    snapshot_->nodes[node.number].left_behind = true;
  } else {
    std::free(node_memory(node.bytes, room_of(node)));
  }
  node.frozen = 0;
  node.bytes = bytes;
  node.room = room;
  node.compressed = compressed ? 1 : 0;
  node_bytes_ += allocated(node);
}

void LargeList::compress(size_t at) {
  if (!is_inside(at) || row_[at].compressed != 0) return;
  const list_detail::Compressed smaller = list_detail::compress(whole(row_[at]));
  if (smaller.bytes != nullptr) {
    give(row_[at], smaller.bytes, NodeRoom(smaller.capacity, 0), true);
  }
}

void LargeList::decompress(ListNode& node) {
  if (node.compressed == 0) return;
  const size_t capacity = size_class(list_detail::decompressed_size(node.bytes));
  char* const memory = allocate_node(capacity);
  list_detail::decompress(node.bytes, memory);
  give(node, memory, node.plain != 0 ? NodeRoom() : NodeRoom(capacity, 0), false);
}

// After so many nodes went: others may have come nearer to an end by that.
void LargeList::decompress_ends(size_t moved) {
  const size_t depth = limits_.depth;
  for (size_t i = depth - std::min(moved, depth); i < std::min(depth, row_.size()); ++i) {
    decompress(row_[i]);
    decompress(row_[row_.size() - 1 - i]);
  }
}

// So that the node's listpack may be changed.
void LargeList::thaw(ListNode& node) {
  FrozenNode& frozen = snapshot_->nodes[node.number];
  if (needed_by_snapshot(node)) {
    const std::string_view old = packed_bytes(frozen.bytes);
    node.bytes = allocate_node(frozen.room.capacity()) + frozen.room.gap();
    std::memcpy(node.bytes, old.data(), old.size());
    frozen.left_behind = true;
  }
  node.frozen = 0;
  node.room = frozen.room;
}

LargeList::Position LargeList::find(size_t index) const {
  REDAN_CHECK(index < size_);
  if (index < size_ / 2) {
    size_t node = 0;
    for (; index >= row_[node].count; ++node) index -= row_[node].count;
    return {node, index};
  }
  size_t from_end = size_ - index;  // 1: the last
  size_t node = row_.size() - 1;
  for (; from_end > row_[node].count; --node) from_end -= row_[node].count;
  return {node, row_[node].count - from_end};
}

// --- reading ---

LargeList::Element LargeList::at(size_t index, OpenNode& open) const {
  const Position place = find(index);
  const ListNode& node = row_[place.node];
  const char* const bytes = open.bytes(node);
  if (node.plain != 0) return plain_element(bytes);
  const Listpack pack(packed_bytes(bytes));
  return pack.at(pack.nth(static_cast<int64_t>(place.index)));
}

LargeList::Element LargeList::end(ListEnd end) const {
  OpenNode never;  // The outermost nodes are not compressed.
  return at(end == ListEnd::kHead ? 0 : size_ - 1, never);
}

std::optional<std::string_view> LargeList::only_listpack() const {
  if (row_.size() != 1 || row_[0].plain != 0) return std::nullopt;
  return packed_bytes(row_[0].bytes);
}

// --- changing ---

// A node that holds this element only.
void LargeList::insert_node(size_t at, std::string_view text) {
  if (limits_.is_plain(text)) return add(at, make_plain(text));
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  ListpackEdit::append(store, PackedElement(text));
  add(at, make_packed(bytes));
}

// In front of the element at `index` of a node; at its count: behind its last.
void LargeList::insert_into(size_t at, size_t index, std::string_view text) {
  ListNode& node = own(at);
  ListNodeBytes bytes(node_bytes_, node);
  const std::string_view view = bytes.view();
  const size_t place =
      index == node.count ? view.size() - 1 : Listpack(view).nth(static_cast<int64_t>(index));
  const PackedElement element(text);
  element.write(bytes.splice(place, 0, element.size()) + place);
  ++node.count;
  store_count(node);
  ++size_;
}

void LargeList::push(ListEnd end, std::string_view text) {
  const bool at_head = end == ListEnd::kHead;
  if (row_.size() > 0) {
    const size_t last = at_head ? 0 : row_.size() - 1;
    if (!limits_.is_plain(text) && has_room(row_[last], text)) {
      return insert_into(last, at_head ? 0 : row_[last].count, text);
    }
  }
  insert_node(at_head ? 0 : row_.size(), text);
}

void LargeList::insert(size_t index, std::string_view text) {
  if (index == 0) return push(ListEnd::kHead, text);
  if (index == size_) return push(ListEnd::kTail, text);
  const Position place = find(index);
  const bool plain = limits_.is_plain(text);
  if (!plain && has_room(row_[place.node], text)) {
    insert_into(place.node, place.index, text);
    return close(place.node);
  }
  if (place.index == 0) {
    const size_t before = place.node - 1;  // There is one, since the index is not 0.
    if (!plain && has_room(row_[before], text)) {
      insert_into(before, row_[before].count, text);
      return close(before);
    }
    insert_node(place.node, text);
    return close(place.node);
  }
  split(place.node, place.index);
  const size_t left = place.node;
  size_t right = left + 1;
  if (!plain && has_room(row_[left], text)) {
    insert_into(left, row_[left].count, text);
  } else if (!plain && has_room(row_[right], text)) {
    insert_into(right, 0, text);
  } else {
    insert_node(right++, text);
    close(left + 1);
  }
  close(left);
  close(right);
}

// What is from `index` on goes into a node behind.
void LargeList::split(size_t at, size_t index) {
  const std::string_view bytes = packed_bytes(own(at).bytes);
  const size_t cut = Listpack(bytes).nth(static_cast<int64_t>(index));
  const size_t moved = row_[at].count - index;
  const ListNode behind = make_packed(bytes.data() + cut, bytes.data() + bytes.size() - 1, moved);
  erase_in(at, index, moved);
  add(at + 1, behind);
}

void LargeList::replace(size_t index, std::string_view text) {
  const Position place = find(index);
  if (row_[place.node].plain == 0 && !limits_.is_plain(text)) {
    ListNode& node = own(place.node);  // Whatever happens, it will change.
    const std::string_view old = packed_bytes(node.bytes);
    const Listpack pack(old);
    const size_t at = pack.nth(static_cast<int64_t>(place.index));
    const PackedElement element(text);
    const size_t total = old.size() - (pack.end_of(at) - at) + element.size();
    if (limits_.allow(total, node.count)) {
      ListNodeBytes bytes(node_bytes_, node);
      ListpackEdit::replace(bytes, at, element);
      return close(place.node);
    }
  }
  erase(index, 1);
  insert(index, text);
}

// Elements of one node that keeps others.
void LargeList::erase_in(size_t at, size_t index, size_t count) {
  ListNode& node = own(at);
  ListNodeBytes bytes(node_bytes_, node);
  const Listpack pack(bytes.view());
  const size_t from = pack.nth(static_cast<int64_t>(index));
  size_t end = from;
  for (size_t i = 0; i < count; ++i) end = pack.end_of(end);
  bytes.splice(from, end - from, 0);
  node.count = (node.count - static_cast<uint32_t>(count)) & ListNode::kMostElements;
  store_count(node);
  size_ -= count;
}

void LargeList::erase(size_t first, size_t count) {
  if (count == 0) return;
  if (first == 0 && count < row_[0].count) {
    erase_in(0, 0, count);
    return merge_around(0);
  }
  Position place = find(first);
  // The end of the first node, whole nodes, the beginning of the last one.
  if (place.index > 0) {
    const size_t here = std::min<size_t>(count, row_[place.node].count - place.index);
    erase_in(place.node, place.index, here);
    close(place.node);
    count -= here;
    ++place.node;
  }
  size_t whole = 0;
  while (count > 0 && row_[place.node + whole].count <= count) {
    count -= row_[place.node + whole].count;
    ++whole;
  }
  if (whole > 0) drop(place.node, whole);
  if (count > 0) {
    erase_in(place.node, 0, count);
    close(place.node);
  }
  if (place.node > 0) merge_around(place.node - 1);
  if (place.node < row_.size()) merge_around(place.node);
}

size_t LargeList::erase_equal(const ListNeedle& needle, size_t most, ListEnd from) {
  const bool forwards = from == ListEnd::kHead;
  size_t erased = 0;
  const size_t nodes = row_.size();
  size_t kept = 0;  // nodes behind us
  OpenNode open;
  for (size_t seen = 0; seen < nodes && erased < most; ++seen) {
    const size_t at = forwards ? kept : row_.size() - 1 - kept;
    const ListNode& node = row_[at];
    const char* const read = open.bytes(node);
    if (node.plain != 0) {
      if (needle.equals(plain_element(read))) {
        drop(at, 1);
        ++erased;
      } else {
        ++kept;
      }
      continue;
    }
    const Listpack pack(packed_bytes(read));
    const auto next_match = [&](const Listpack& in, size_t start) {
      if (forwards) return in.find(needle.text(), start);
      while (start != Listpack::kNone && !needle.equals(in.at(start))) start = in.previous(start);
      return start;
    };
    size_t match = next_match(pack, forwards ? pack.first() : pack.last());
    bool dropped = false;
    while (match != Listpack::kNone && erased < most) {
      ++erased;
      if (row_[at].count == 1) {
        drop(at, 1);
        dropped = true;
        break;
      }
      ListNode& mine = own(at);
      ListNodeBytes bytes(node_bytes_, mine);
      const size_t behind = ListpackEdit::erase(bytes, match);
      --mine.count;
      --size_;
      const Listpack now(bytes.view());
      const size_t before = behind == Listpack::kNone ? now.last() : now.previous(behind);
      match = next_match(now, forwards ? behind : before);
    }
    if (dropped) continue;
    close(at);
    ++kept;
  }
  if (erased > 0) {
    for (size_t at = 0; at + 1 < row_.size();) at += merge_behind(at) ? 0 : 1;
  }
  return erased;
}

// Small neighbours become one node, so that a list which loses elements everywhere does not keep
// its nodes. Together they fill half of one at most, so that the next insertion does not part them.
bool LargeList::merge_behind(size_t at) {
  if (row_[at].plain != 0 || row_[at + 1].plain != 0) return false;
  // (A compressed listpack begins with its size, too.)
  const size_t right_size = packed_bytes(row_[at + 1].bytes).size();
  const size_t total = packed_bytes(row_[at].bytes).size() + right_size;
  const size_t count = row_[at].count + row_[at + 1].count;
  if (!limits_.allow(total * 2, count * 2)) return false;
  ListNode& node = own(at);
  ListNodeBytes bytes(node_bytes_, node);
  const size_t added = right_size - Listpack::kHeaderBytes - 1;
  const size_t end = bytes.view().size() - 1;
  char* const base = bytes.splice(end, 0, added);
  OpenNode right;
  std::memcpy(base + end, right.bytes(row_[at + 1]) + Listpack::kHeaderBytes, added);
  size_ += row_[at + 1].count;
  node.count = static_cast<uint32_t>(count) & ListNode::kMostElements;
  store_count(node);
  drop(at + 1, 1);
  close(at);
  return true;
}

void LargeList::merge_around(size_t at) {
  if (at + 1 < row_.size()) merge_behind(at);
  if (at > 0) merge_behind(at - 1);
}

void LargeList::append_packed(std::string_view listpack) {
  add(row_.size(), make_packed(listpack));
}

void LargeList::append_plain(std::string_view text) {
  add(row_.size(), make_plain(text));
}

StoredValue stored(std::unique_ptr<LargeList> list) {
  const auto listpack = list->only_listpack();
  if (listpack && list->limits().allow(listpack->size(), list->size())) {
    return StoredValue::packed(ValueType::kList, std::string(*listpack));
  }
  return StoredValue::of_large(ValueType::kList, std::move(list));
}

}  // namespace redan
