#include "server/data/large_list.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "common/base/check.h"
#include "server/data/list_node_bytes.h"

namespace redan {

namespace {

using list_detail::allocate_node;
using list_detail::node_memory;
using list_detail::packed_bytes;
using list_detail::plain_element;
using list_detail::plain_text;

constexpr size_t kPlainHead = sizeof(uint64_t);
constexpr size_t kMemoryAlignment = 16;
// RDB's names of what a node holds.
constexpr int64_t kPlainNode = 1;
constexpr int64_t kPackedNode = 2;

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
  REDAN_CHECK(count < (1U << 30));
  ListNode node{allocate_node(capacity),
                static_cast<uint32_t>(count) & 0x3fffffff,
                0,
                0,
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
  ListNode node{allocate_node(size_class(kPlainHead + text.size())), 1, 1, 0, {NodeRoom()}};
  const uint64_t size = text.size();
  std::memcpy(node.bytes, &size, sizeof size);
  if (!text.empty()) std::memcpy(node.bytes + kPlainHead, text.data(), text.size());
  return node;
}

size_t plain_allocated(const char* bytes) {
  return size_class(kPlainHead + plain_text(bytes).size());
}

ValuePiece piece_of(const char* bytes, bool plain) {
  return {.kind = ValuePiece::Kind::kNode,
          .a = plain ? plain_text(bytes) : packed_bytes(bytes),
          .b = {},
          .number = plain ? kPlainNode : kPackedNode};
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
  return node.plain != 0 ? plain_allocated(node.bytes) : room_of(node).capacity();
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

LargeList::Element LargeList::at(size_t index) const {
  const Position place = find(index);
  const ListNode& node = row_[place.node];
  if (node.plain != 0) return plain_element(node.bytes);
  const Listpack pack(packed_bytes(node.bytes));
  return pack.at(pack.nth(static_cast<int64_t>(place.index)));
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
    return insert_into(place.node, place.index, text);
  }
  if (place.index == 0) {
    const size_t before = place.node - 1;  // There is one, since the index is not 0.
    if (!plain && has_room(row_[before], text)) {
      return insert_into(before, row_[before].count, text);
    }
    return insert_node(place.node, text);
  }
  split(place.node, place.index);
  const size_t left = place.node;
  if (!plain && has_room(row_[left], text)) return insert_into(left, row_[left].count, text);
  if (!plain && has_room(row_[left + 1], text)) return insert_into(left + 1, 0, text);
  insert_node(left + 1, text);
}

// What is from `index` on goes into a node behind.
void LargeList::split(size_t at, size_t index) {
  const std::string_view bytes = packed_bytes(row_[at].bytes);
  const size_t cut = Listpack(bytes).nth(static_cast<int64_t>(index));
  const size_t moved = row_[at].count - index;
  const ListNode behind = make_packed(bytes.data() + cut, bytes.data() + bytes.size() - 1, moved);
  erase_in(at, index, moved);
  add(at + 1, behind);
}

void LargeList::replace(size_t index, std::string_view text) {
  const Position place = find(index);
  if (row_[place.node].plain == 0 && !limits_.is_plain(text)) {
    const std::string_view old = packed_bytes(row_[place.node].bytes);
    const Listpack pack(old);
    const size_t at = pack.nth(static_cast<int64_t>(place.index));
    const PackedElement element(text);
    const size_t total = old.size() - (pack.end_of(at) - at) + element.size();
    if (limits_.allow(total, row_[place.node].count)) {
      ListNodeBytes bytes(node_bytes_, own(place.node));
      return ListpackEdit::replace(bytes, at, element);
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
  node.count = (node.count - static_cast<uint32_t>(count)) & 0x3fffffff;
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
    count -= here;
    ++place.node;
  }
  size_t whole = 0;
  while (count > 0 && row_[place.node + whole].count <= count) {
    count -= row_[place.node + whole].count;
    ++whole;
  }
  if (whole > 0) drop(place.node, whole);
  if (count > 0) erase_in(place.node, 0, count);
  if (place.node > 0) merge_around(place.node - 1);
  if (place.node < row_.size()) merge_around(place.node);
}

size_t LargeList::erase_equal(const ListNeedle& needle, size_t most, ListEnd from) {
  const bool forwards = from == ListEnd::kHead;
  size_t erased = 0;
  const size_t nodes = row_.size();
  size_t kept = 0;  // nodes behind us
  for (size_t seen = 0; seen < nodes && erased < most; ++seen) {
    const size_t at = forwards ? kept : row_.size() - 1 - kept;
    const ListNode& node = row_[at];
    if (node.plain != 0) {
      if (needle.equals(plain_element(node.bytes))) {
        drop(at, 1);
        ++erased;
      } else {
        ++kept;
      }
      continue;
    }
    const Listpack pack(packed_bytes(node.bytes));
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
    if (!dropped) ++kept;
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
  const std::string_view right = packed_bytes(row_[at + 1].bytes);
  const size_t total = packed_bytes(row_[at].bytes).size() + right.size();
  const size_t count = row_[at].count + row_[at + 1].count;
  if (!limits_.allow(total * 2, count * 2)) return false;
  ListNode& node = own(at);
  ListNodeBytes bytes(node_bytes_, node);
  const size_t added = right.size() - Listpack::kHeaderBytes - 1;
  const size_t end = bytes.view().size() - 1;
  char* const base = bytes.splice(end, 0, added);
  std::memcpy(base + end, right.data() + Listpack::kHeaderBytes, added);
  size_ += row_[at + 1].count;
  node.count = static_cast<uint32_t>(count) & 0x3fffffff;
  store_count(node);
  drop(at + 1, 1);
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

// --- pieces ---

std::unique_ptr<LargeValue> LargeList::clone() const {
  auto copy = std::make_unique<LargeList>(limits_);
  for (size_t i = 0; i < row_.size(); ++i) {
    const ListNode& node = row_[i];
    node.plain != 0 ? copy->append_plain(plain_text(node.bytes))
                    : copy->append_packed(packed_bytes(node.bytes));
  }
  return copy;
}

void LargeList::for_each_piece(PieceSink& sink) const {
  for (size_t i = 0; i < row_.size(); ++i) {
    sink.piece(piece_of(row_[i].bytes, row_[i].plain != 0));
  }
}

void LargeList::begin_snapshot(PieceSink* sink) {
  REDAN_CHECK(!in_snapshot());
  snapshot_ = std::make_unique<Snapshot>();
  snapshot_->sink = sink;
  snapshot_->nodes.reserve(row_.size());
  for (size_t i = 0; i < row_.size(); ++i) {
    ListNode& node = row_[i];
    snapshot_->nodes.push_back({node.bytes, node.room, node.plain != 0, false});
    node.frozen = 1;
    node.number = static_cast<uint32_t>(i);
  }
}

bool LargeList::walk_snapshot(size_t pieces) {
  for (Snapshot& s = *snapshot_; pieces > 0 && s.walked < s.nodes.size(); --pieces) {
    FrozenNode& node = s.nodes[s.walked];
    s.sink->piece(piece_of(node.bytes, node.plain));
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
    if (node.plain != 0) {
      REDAN_CHECK(node.count == 1);
      REDAN_CHECK(room_of(node).gap() == 0);
      continue;
    }
    const std::string_view packed = packed_bytes(node.bytes);
    REDAN_CHECK(Listpack::validate(packed));
    REDAN_CHECK(Listpack(packed).size() == node.count);
    const NodeRoom room = room_of(node);
    REDAN_CHECK(room.gap() + packed.size() <= room.capacity());
    REDAN_CHECK(room.capacity() == size_class(room.capacity()));
    // Where the gap is wrong, this is seldom where a block of the allocator begins.
    REDAN_CHECK(reinterpret_cast<uintptr_t>(node_memory(node.bytes, room)) % kMemoryAlignment == 0);
  }
  REDAN_CHECK(elements == size_);
  REDAN_CHECK(bytes == node_bytes_);
}

StoredValue stored(std::unique_ptr<LargeList> list) {
  const auto listpack = list->only_listpack();
  if (listpack && list->limits().allow(listpack->size(), list->size())) {
    return StoredValue::packed(ValueType::kList, std::string(*listpack));
  }
  return StoredValue::of_large(ValueType::kList, std::move(list));
}

}  // namespace redan
