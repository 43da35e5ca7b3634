#include "server/data/large_stream.h"

#include <algorithm>

#include "common/base/check.h"
#include "server/data/radix_shape.h"
#include "server/data/stream_cursor.h"
#include "server/data/stream_walk.h"

namespace redan {

namespace {

constexpr size_t kLiveAt = Listpack::kHeaderBytes;

// Sets the size that a listpack's head tells, and that many more elements.
void settle(char* bytes, size_t total, size_t more) {
  const auto total32 = static_cast<uint32_t>(total);
  std::memcpy(bytes, &total32, 4);
  uint16_t count;
  std::memcpy(&count, bytes + 4, 2);
  if (count == Listpack::kUnknownCount) return;
  count = static_cast<uint16_t>(std::min<size_t>(count + more, Listpack::kUnknownCount));
  std::memcpy(bytes + 4, &count, 2);
}

// A node as ListpackEdit wants it.
class NodeBytes {
 public:
  NodeBytes(EpochHeap& heap, StreamNodeRef& node) : heap_(heap), node_(node) {}
  std::string_view view() const { return node_.view(); }
  char* splice(size_t at, size_t removed, size_t added) {
    const size_t before = view().size();
    const size_t after = before - removed + added;
    if (after > before) resize(before, after);
    std::memmove(node_.bytes + at + added, node_.bytes + at + removed, before - at - removed);
    if (after < before) resize(before, after);
    settle(node_.bytes, after, 0);
    return node_.bytes;
  }

 private:
  void resize(size_t before, size_t after) {
    node_.bytes = static_cast<char*>(heap_.resize(node_.bytes, before, after));
  }

  EpochHeap& heap_;
  StreamNodeRef& node_;
};

}  // namespace

LargeStream::LargeStream() = default;

LargeStream::~LargeStream() {
  end_snapshot();
  nodes_.for_each([&](const StreamNodeRef& node) {
    heap_.release(node.bytes, node.view().size(), node.birth);
  });
  nodes_.clear(heap_);
}

bool LargeStream::contains(StreamId id) const {
  return StreamCursor(*this, id, id).next();
}

StreamId LargeStream::find_first() const {
  StreamCursor cursor(*this, StreamId(), StreamId::max());
  return cursor.next() ? cursor.id() : StreamId();
}

// --- nodes ---

size_t LargeStream::radix_tree_nodes() const {
  if (radix_tree_nodes_ == 0) radix_tree_nodes_ = redan::radix_tree_nodes(nodes_);
  return radix_tree_nodes_;
}

// For a change of the node's bytes.
StreamNodeRef& LargeStream::own(StreamNodes::Position at) {
  StreamNodeRef& node = nodes_.edit(heap_, at);
  if (heap_.is_shared(node.birth)) [[unlikely]] {
    node.bytes = static_cast<char*>(heap_.own(node.bytes, node.view().size()));
    node.birth = heap_.epoch();
  }
  return node;
}

void LargeStream::set_integer(StreamNodeRef& node, size_t at, uint64_t value) {
  if (value < 128 && static_cast<uint8_t>(node.bytes[at]) < 128) [[likely]] {
    node.bytes[at] = static_cast<char>(value);
    return;
  }
  NodeBytes bytes(heap_, node);
  ListpackEdit::replace(bytes, at, PackedElement(static_cast<int64_t>(value)));
}

void LargeStream::begin_node(StreamId id, std::span<const std::string_view> words) {
  const StreamEntryDraft draft(words);
  StreamNodeRef node{.id = id, .birth = heap_.epoch()};
  node.bytes = static_cast<char*>(heap_.allocate(draft.size()));
  draft.write_node(node.bytes);
  nodes_.insert(heap_, node);
  radix_tree_nodes_ = 0;
}

// The last node takes one more.
void LargeStream::extend_node(const StreamNode& node, StreamId id,
                              std::span<const std::string_view> words) {
  const StreamEntryDraft draft(node, id, words);
  const uint64_t live = node.live();
  const size_t before = node.bytes().size();
  const size_t after = before + draft.size();
  StreamNodeRef& ref = own(nodes_.last());
  ref.bytes = static_cast<char*>(heap_.resize(ref.bytes, before, after));
  draft.write_entry(ref.bytes + before - 1);
  ref.bytes[after - 1] = static_cast<char>(0xFF);
  settle(ref.bytes, after, draft.elements());
  set_integer(ref, kLiveAt, live + 1);
}

void LargeStream::append(StreamId id, std::span<const std::string_view> words,
                         const NodeLimits& limits) {
  REDAN_CHECK(id > state_.last_id);
  bool fits = false;
  StreamNode node;
  if (!nodes_.empty()) {
    node = nodes_.at(nodes_.last()).node();
    size_t bytes = node.bytes().size();
    for (const std::string_view word : words) bytes += word.size();
    const uint64_t most =
        limits.bytes == 0 ? kMostNodeBytes : std::min(limits.bytes, kMostNodeBytes);
    fits = bytes < most && (limits.entries == 0 || node.live() + node.deleted() < limits.entries);
  }
  fits ? extend_node(node, id, words) : begin_node(id, words);
  state_.last_id = id;
  if (state_.length++ == 0) state_.first_id = id;
  ++state_.entries_added;
}

void LargeStream::remove_node(StreamNodes::Position at) {
  const StreamNodeRef& node = nodes_.at(at);
  heap_.release(node.bytes, node.view().size(), node.birth);
  nodes_.erase(heap_, at);
  radix_tree_nodes_ = 0;
}

void LargeStream::mark_deleted(StreamNodeRef& node, size_t flags_at) {
  node.bytes[flags_at] = static_cast<char>(node.bytes[flags_at] | kEntryDeleted);
}

void LargeStream::count_deleted(StreamNodeRef& node, uint64_t entries) {
  const uint64_t live = node.node().live(), deleted = node.node().deleted();
  set_integer(node, kLiveAt, live - entries);
  set_integer(node, Listpack(node.view()).end_of(kLiveAt), deleted + entries);
}

bool LargeStream::erase(StreamId id) {
  StreamCursor cursor(*this, id, id);
  if (!cursor.next()) return false;
  if (cursor.node().live() == 1) {
    remove_node(cursor.position());
  } else {
    StreamNodeRef& node = own(cursor.position());
    mark_deleted(node, cursor.entry().at);
    count_deleted(node, 1);
  }
  --state_.length;
  state_.max_deleted_id = std::max(state_.max_deleted_id, id);
  if (id == state_.first_id) state_.first_id = find_first();
  return true;
}

// Takes entries away from the front while goes(entry) says so; a node at once where
// goes_whole(node) does.
template <class Goes, class GoesWhole>
uint64_t LargeStream::trim(const StreamTrim& how, Goes&& goes, GoesWhole&& goes_whole) {
  const uint64_t before = state_.length;
  while (!nodes_.empty()) {
    const StreamNode node = nodes_.at(nodes_.first()).node();
    const uint64_t live = node.live();
    if (how.limit > 0 && before - state_.length + live > how.limit) break;
    if (goes_whole(node)) {
      remove_node(nodes_.first());
      state_.length -= live;
      continue;
    }
    StreamEntry entry;
    if (how.whole_nodes || !node.first(entry) || !goes(entry)) break;
    // (A mark does not move anything, so the entries are read where they are written.)
    StreamNodeRef& ref = own(nodes_.first());
    const StreamNode changing = ref.node();
    uint64_t deleted = 0;
    for (bool more = changing.first(entry); more && goes(entry); more = changing.next(entry)) {
      if (entry.deleted()) continue;
      mark_deleted(ref, entry.at);
      ++deleted;
      --state_.length;
    }
    count_deleted(ref, deleted);
    break;
  }
  const uint64_t trimmed = before - state_.length;
  if (trimmed > 0) state_.first_id = find_first();
  return trimmed;
}

uint64_t LargeStream::trim_to_length(uint64_t length, const StreamTrim& how) {
  if (state_.length <= length) return 0;
  const auto goes = [&](const StreamEntry&) { return state_.length > length; };
  const auto goes_whole = [&](const StreamNode& node) {
    return state_.length > length && state_.length - node.live() >= length;
  };
  return trim(how, goes, goes_whole);
}

uint64_t LargeStream::trim_before(StreamId id, const StreamTrim& how) {
  const auto goes = [&](const StreamEntry& entry) { return entry.id < id; };
  const auto goes_whole = [&](const StreamNode& node) {
    StreamEntry last;
    return node.last(last) && last.id < id;
  };
  return trim(how, goes, goes_whole);
}

void LargeStream::set_ids(StreamId last_id, StreamId max_deleted_id, uint64_t entries_added) {
  state_.last_id = last_id;
  state_.max_deleted_id = max_deleted_id;
  state_.entries_added = entries_added;
}

StreamGroups& LargeStream::change_groups() {
  if (groups_ == nullptr) {
    groups_ = std::make_unique<StreamGroups>(heap_);
    heap_.count(static_cast<int64_t>(size_class(sizeof(StreamGroups))));
  }
  return *groups_;
}

void LargeStream::load_node(StreamId id, std::string_view bytes) {
  StreamNodeRef node{.id = id, .birth = heap_.epoch()};
  node.bytes = static_cast<char*>(heap_.allocate(bytes.size()));
  std::memcpy(node.bytes, bytes.data(), bytes.size());
  nodes_.insert(heap_, node);
  radix_tree_nodes_ = 0;
}

// --- LargeValue ---

std::unique_ptr<LargeValue> LargeStream::clone() const {
  auto copy = std::make_unique<LargeStream>();
  nodes_.for_each([&](const StreamNodeRef& node) { copy->load_node(node.id, node.view()); });
  copy->state_ = state_;
  if (groups_ != nullptr) copy->change_groups().copy_from(*groups_);
  return copy;
}

void LargeStream::for_each_piece(PieceSink& sink) const {
  StreamWalk walk(*this, sink);
  while (walk.step()) {
  }
}

void LargeStream::begin_snapshot(PieceSink* sink) {
  REDAN_CHECK(walk_ == nullptr);
  walk_ = std::make_unique<StreamWalk>(*this, *sink);
  heap_.begin_snapshot();
  if (groups_ != nullptr) groups_->keep_for(walk_.get());
}

bool LargeStream::walk_snapshot(size_t pieces) {
  for (; pieces > 0; --pieces) {
    if (!walk_->step()) return false;
  }
  return true;
}

void LargeStream::end_snapshot() {
  if (groups_ != nullptr) groups_->keep_for(nullptr);
  walk_.reset();
  heap_.end_snapshot();
}

void LargeStream::check_invariants() const {
  nodes_.check_invariants();
  uint64_t length = 0;
  size_t bytes = nodes_.counted_bytes();
  StreamId last;
  nodes_.for_each([&](const StreamNodeRef& node) {
    REDAN_CHECK(last < node.id);
    uint64_t live = 0;
    const char* const wrong = validate_stream_node(node.id, node.view(), last, live);
    REDAN_CHECK(wrong == nullptr);
    length += live;
    bytes += EpochHeap::room(node.view().size());
  });
  REDAN_CHECK(length == state_.length);
  REDAN_CHECK(last <= state_.last_id);
  if (groups_ != nullptr) {
    groups_->check_invariants();
    bytes += groups_->counted_bytes() + size_class(sizeof(StreamGroups));
  }
  REDAN_CHECK(bytes == heap_.bytes());
  if (radix_tree_nodes_ != 0) REDAN_CHECK(radix_tree_nodes_ == redan::radix_tree_nodes(nodes_));
}

}  // namespace redan
