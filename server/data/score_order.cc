#include "server/data/score_order.h"

#include <algorithm>
#include <vector>

#include "common/base/check.h"
#include "common/base/prefetch.h"
#include "server/data/score_nodes.h"

namespace redan {

// --- nodes ---

ScoreOrder::~ScoreOrder() {
  if (root_ != nullptr) free_below(root_, levels_);
}

void ScoreOrder::free_below(void* node, size_t levels) {
  if (levels == 0) return free_leaf(static_cast<Leaf*>(node));
  auto* const inner = static_cast<Inner*>(node);
  for (uint32_t i = 0; i < inner->count; ++i) free_below(inner->children[i], levels - 1);
  free_inner(inner);
}

size_t ScoreOrder::memory_bytes() const {
  return leaves_ * size_class(sizeof(Leaf)) + inners_ * size_class(sizeof(Inner));
}

ScoreOrder::Leaf* ScoreOrder::new_leaf() {
  ++leaves_;
  return new Leaf;
}

ScoreOrder::Inner* ScoreOrder::new_inner() {
  ++inners_;
  return new Inner;
}

void ScoreOrder::free_leaf(Leaf* leaf) {
  --leaves_;
  delete leaf;
}

void ScoreOrder::free_inner(Inner* inner) {
  --inners_;
  delete inner;
}

// --- finding ---

// The path to where such a member is, or would be: its index is behind all that are not after it.
void ScoreOrder::find(double score, std::string_view member, Path& path) const {
  const auto not_after = [&](double other_score, const ScoredMember& other) {
    if (other_score != score) return other_score < score;
    return other.key() <= member;
  };
  void* node = root_;
  for (size_t level = 0; level < levels_; ++level) {
    auto* const inner = static_cast<Inner*>(node);
    const uint32_t index = inner->child_for(not_after);
    path.steps[level] = {inner, index};
    node = inner->children[index];
  }
  path.leaf = static_cast<Leaf*>(node);
  path.index = path.leaf->count_while(not_after);
}

void ScoreOrder::find_rank(size_t rank, Path& path) const {
  void* node = root_;
  for (size_t level = 0; level < levels_; ++level) {
    auto* const inner = static_cast<Inner*>(node);
    uint32_t index = 0;
    while (rank >= inner->sizes[index]) rank -= inner->sizes[index++];
    path.steps[level] = {inner, index};
    node = inner->children[index];
  }
  path.leaf = static_cast<Leaf*>(node);
  path.index = static_cast<uint32_t>(rank);
}

size_t ScoreOrder::rank(const ScoredMember& member) const {
  Path path;
  find(member.score(), member.key(), path);
  size_t rank = path.index - 1;
  for (size_t level = 0; level < levels_; ++level) {
    const Step& step = path.steps[level];
    for (uint32_t i = 0; i < step.index; ++i) rank += step.node->sizes[i];
  }
  return rank;
}

ScoreOrder::Cursor ScoreOrder::at(size_t rank) const {
  if (rank >= size_) return {nullptr, 0};
  Path path;
  find_rank(rank, path);
  return {path.leaf, path.index};
}

template <class Before>
size_t ScoreOrder::count_while(Before&& before) const {
  if (root_ == nullptr) return 0;
  size_t count = 0;
  const void* node = root_;
  for (size_t level = 0; level < levels_; ++level) {
    const auto* const inner = static_cast<const Inner*>(node);
    const uint32_t index = inner->child_for(before);
    for (uint32_t i = 0; i < index; ++i) count += inner->sizes[i];
    node = inner->children[index];
  }
  return count + static_cast<const Leaf*>(node)->count_while(before);
}

size_t ScoreOrder::count_before_score(double score, bool inclusive) const {
  if (inclusive) {
    return count_while([&](double other, const ScoredMember&) { return other <= score; });
  }
  return count_while([&](double other, const ScoredMember&) { return other < score; });
}

size_t ScoreOrder::count_before_member(std::string_view member, bool inclusive) const {
  return count_while([&](double, const ScoredMember& other) {
    const int order = other.key().compare(member);
    return inclusive ? order <= 0 : order < 0;
  });
}

const ScoredMember& ScoreOrder::Cursor::operator*() const {
  return *leaf_->members[index_];
}

void ScoreOrder::Cursor::next() {
  constexpr uint32_t kAhead = 6;
  if (++index_ < leaf_->count) {
    if (index_ + kAhead < leaf_->count) prefetch_line(leaf_->members[index_ + kAhead]);
    return;
  }
  leaf_ = leaf_->next;
  index_ = 0;
  if (leaf_ == nullptr) return;
  if (leaf_->next != nullptr) prefetch_line(leaf_->next);
  for (uint32_t i = 0; i < std::min(kAhead, leaf_->count); ++i) {
    prefetch_line(leaf_->members[i]);
  }
}

void ScoreOrder::Cursor::previous() {
  constexpr uint32_t kAhead = 6;
  if (index_ > 0) {
    --index_;
    if (index_ >= kAhead) prefetch_line(leaf_->members[index_ - kAhead]);
    return;
  }
  leaf_ = leaf_->previous;
  if (leaf_ == nullptr) return;
  index_ = leaf_->count - 1;
  if (leaf_->previous != nullptr) prefetch_line(leaf_->previous);
  for (uint32_t i = 0; i < std::min(kAhead, leaf_->count); ++i) {
    prefetch_line(leaf_->members[index_ - i]);
  }
}

// --- growing ---

void ScoreOrder::insert(ScoredMember* member) {
  Path path;
  if (root_ == nullptr) {
    path.leaf = new_leaf();
    path.index = 0;
    root_ = path.leaf;
  } else {
    find(member->score(), member->key(), path);
  }
  insert_at(path, member);
}

void ScoreOrder::insert_at(Path& path, ScoredMember* member) {
  Leaf* const leaf = path.leaf;
  const uint32_t index = path.index;
  ++size_;
  for (size_t level = 0; level < levels_; ++level) {
    ++path.steps[level].node->sizes[path.steps[level].index];
  }
  if (index == 0) set_first(path, levels_, member);
  if (leaf->count < kLeafMembers) return leaf->insert(index, member);

  const bool at_end = index == leaf->count && leaf->next == nullptr;
  const bool at_front = index == 0 && leaf->previous == nullptr;
  const uint32_t moved = at_end ? 0 : at_front ? leaf->count : leaf->count / 2;
  Leaf* const right = new_leaf();
  right->next = leaf->next;
  right->previous = leaf;
  if (right->next != nullptr) right->next->previous = right;
  leaf->next = right;
  right->take_back(*leaf, moved);
  if (at_end || index > leaf->count) {
    right->insert(index - leaf->count, member);
  } else {
    leaf->insert(index, member);
  }
  if (levels_ == 0) {
    return add_root(leaf, leaf->members[0], leaf->count, right, right->members[0], right->count);
  }
  add_child(path, levels_ - 1, right, right->members[0], leaf->count, right->count);
}

// The lowest `levels` nodes of a path, counted from the root, hear of the first member below them.
void ScoreOrder::set_first(Path& path, size_t levels, ScoredMember* member) {
  for (size_t level = levels; level-- > 0;) {
    const Step& step = path.steps[level];
    step.node->firsts[step.index] = member;
    step.node->scores[step.index] = member->score();
    if (step.index != 0) break;
  }
}

// The path's child at this level was split: `right` comes behind it.
void ScoreOrder::add_child(Path& path, size_t level, void* right, ScoredMember* first,
                           size_t left_size, size_t right_size) {
  Inner* const inner = path.steps[level].node;
  const uint32_t at = path.steps[level].index + 1;
  inner->sizes[at - 1] = left_size;
  if (inner->count < kChildren) return inner->insert(at, right, first, right_size);

  Inner* const other = new_inner();
  other->take_back(*inner, at == inner->count ? 1 : inner->count / 2);
  if (at > inner->count) {
    other->insert(at - inner->count, right, first, right_size);
  } else {
    inner->insert(at, right, first, right_size);
  }
  if (level == 0) {
    return add_root(inner, inner->firsts[0], inner->total(), other, other->firsts[0],
                    other->total());
  }
  add_child(path, level - 1, other, other->firsts[0], inner->total(), other->total());
}

void ScoreOrder::add_root(void* left, ScoredMember* left_first, size_t left_size, void* right,
                          ScoredMember* right_first, size_t right_size) {
  Inner* const root = new_inner();
  root->insert(0, left, left_first, left_size);
  root->insert(1, right, right_first, right_size);
  root_ = root;
  ++levels_;
  REDAN_CHECK(levels_ <= kMaxLevels);
}

void ScoreOrder::build(std::span<ScoredMember* const> ordered) {
  REDAN_CHECK(root_ == nullptr);
  if (ordered.empty()) return;
  struct Node {
    void* node;
    ScoredMember* first;
    size_t size;
  };
  std::vector<Node> below;
  const size_t leaves = (ordered.size() + kBuiltMembers - 1) / kBuiltMembers;
  Leaf* previous = nullptr;
  for (size_t i = 0; i < leaves; ++i) {
    const size_t from = ordered.size() * i / leaves;
    const size_t to = ordered.size() * (i + 1) / leaves;
    Leaf* const leaf = new_leaf();
    std::copy(ordered.data() + from, ordered.data() + to, leaf->members);
    leaf->count = static_cast<uint32_t>(to - from);
    leaf->previous = previous;
    if (previous != nullptr) previous->next = leaf;
    previous = leaf;
    below.push_back({leaf, leaf->members[0], to - from});
  }
  while (below.size() > 1) {
    std::vector<Node> above;
    const size_t nodes = (below.size() + kBuiltChildren - 1) / kBuiltChildren;
    for (size_t i = 0; i < nodes; ++i) {
      const size_t from = below.size() * i / nodes;
      const size_t to = below.size() * (i + 1) / nodes;
      Inner* const inner = new_inner();
      for (size_t child = from; child < to; ++child) {
        inner->insert(inner->count, below[child].node, below[child].first, below[child].size);
      }
      above.push_back({inner, inner->firsts[0], inner->total()});
    }
    below = std::move(above);
    ++levels_;
  }
  root_ = below[0].node;
  size_ = ordered.size();
}

// --- shrinking, moving ---

void ScoreOrder::erase(const ScoredMember& member) {
  Path path;
  find(member.score(), member.key(), path);
  REDAN_CHECK(path.index > 0);
  --path.index;
  REDAN_CHECK(path.leaf->members[path.index] == &member);
  erase_at(path);
}

ScoredMember* ScoreOrder::take(size_t rank) {
  REDAN_CHECK(rank < size_);
  Path path;
  find_rank(rank, path);
  ScoredMember* const member = path.leaf->members[path.index];
  erase_at(path);
  return member;
}

void ScoreOrder::erase_at(Path& path) {
  Leaf* const leaf = path.leaf;
  close_gap(leaf->members, leaf->count, path.index);
  --leaf->count;
  --size_;
  for (size_t level = 0; level < levels_; ++level) {
    --path.steps[level].node->sizes[path.steps[level].index];
  }
  if (leaf->count >= kLeastMembers && path.index > 0) return;
  if (path.index == 0 && leaf->count > 0) set_first(path, levels_, leaf->members[0]);
  if (levels_ > 0) {
    if (leaf->count < kLeastMembers) mend_leaf(path);
  } else if (leaf->count == 0) {
    free_leaf(leaf);
    root_ = nullptr;
  }
}

void ScoreOrder::move(ScoredMember& member, double score) {
  Path path;
  find(member.score(), member.key(), path);
  REDAN_CHECK(path.index > 0);
  --path.index;
  const Leaf* const leaf = path.leaf;
  REDAN_CHECK(leaf->members[path.index] == &member);

  // Most scores change a little: the member often stays where it is.
  const auto before = [&](const ScoredMember& other) {
    return stands_before(other.score(), other.key(), score, member.key());
  };
  const bool behind_left = path.index > 0
                               ? before(*leaf->members[path.index - 1])
                               : leaf->previous == nullptr ||
                                     before(*leaf->previous->members[leaf->previous->count - 1]);
  const bool before_right = path.index + 1 < leaf->count
                                ? !before(*leaf->members[path.index + 1])
                                : leaf->next == nullptr || !before(*leaf->next->members[0]);
  if (behind_left && before_right) {
    member.set_score(score);
    if (path.index == 0) set_first(path, levels_, &member);
    return;
  }
  erase_at(path);
  member.set_score(score);
  insert(&member);
}

// A leaf with a neighbour under the same parent: together, or each half of what they have.
void ScoreOrder::mend_leaf(Path& path) {
  const size_t level = levels_ - 1;
  Inner* const parent = path.steps[level].node;
  const uint32_t index = path.steps[level].index;
  const uint32_t at = index > 0 ? index - 1 : 0;
  auto* const left = static_cast<Leaf*>(parent->children[at]);
  auto* const right = static_cast<Leaf*>(parent->children[at + 1]);
  const uint32_t total = left->count + right->count;
  const bool left_was_empty = left->count == 0;
  if (total <= kMergedMembers) {
    left->take_front(*right, right->count);
    left->next = right->next;
    if (left->next != nullptr) left->next->previous = left;
    free_leaf(right);
    parent->sizes[at] = total;
    if (left_was_empty) set_first(path, levels_, left->members[0]);
    return remove_child(path, level, at + 1);
  }
  if (left->count < total / 2) {
    left->take_front(*right, total / 2 - left->count);
  } else {
    right->take_back(*left, left->count - total / 2);
  }
  parent->sizes[at] = left->count;
  parent->set(at + 1, right, right->members[0], right->count);
  if (left_was_empty) set_first(path, levels_, left->members[0]);
}

void ScoreOrder::remove_child(Path& path, size_t level, uint32_t index) {
  Inner* const inner = path.steps[level].node;
  inner->erase(index);
  if (level > 0) {
    if (inner->count < kLeastChildren) mend_inner(path, level);
    return;
  }
  if (inner->count > 1) return;
  root_ = inner->children[0];
  --levels_;
  free_inner(inner);
}

void ScoreOrder::mend_inner(Path& path, size_t level) {
  Inner* const parent = path.steps[level - 1].node;
  const uint32_t index = path.steps[level - 1].index;
  const uint32_t at = index > 0 ? index - 1 : 0;
  auto* const left = static_cast<Inner*>(parent->children[at]);
  auto* const right = static_cast<Inner*>(parent->children[at + 1]);
  const uint32_t total = left->count + right->count;
  if (total <= kMergedChildren) {
    left->take_front(*right, right->count);
    free_inner(right);
    parent->sizes[at] += parent->sizes[at + 1];
    return remove_child(path, level - 1, at + 1);
  }
  if (left->count < total / 2) {
    left->take_front(*right, total / 2 - left->count);
  } else {
    right->take_back(*left, left->count - total / 2);
  }
  parent->sizes[at] = left->total();
  parent->set(at + 1, right, right->firsts[0], right->total());
}

// --- invariants ---

size_t ScoreOrder::check_below(const void* node, size_t levels, const ScoredMember*& before,
                               const Leaf*& leaf) const {
  if (levels > 0) {
    const auto* const inner = static_cast<const Inner*>(node);
    REDAN_CHECK(inner->count >= 2U);
    REDAN_CHECK(inner->count <= kChildren);
    size_t total = 0;
    for (uint32_t i = 0; i < inner->count; ++i) {
      const size_t size = check_below(inner->children[i], levels - 1, before, leaf);
      REDAN_CHECK(size == inner->sizes[i]);
      REDAN_CHECK(inner->scores[i] == inner->firsts[i]->score());
      const void* first = inner->children[i];
      for (size_t level = levels - 1; level > 0; --level) {
        first = static_cast<const Inner*>(first)->children[0];
      }
      REDAN_CHECK(static_cast<const Leaf*>(first)->members[0] == inner->firsts[i]);
      total += size;
    }
    return total;
  }
  const auto* const here = static_cast<const Leaf*>(node);
  REDAN_CHECK(here->count >= 1U);
  REDAN_CHECK(here->count <= kLeafMembers);
  REDAN_CHECK(here->previous == leaf);
  REDAN_CHECK((leaf == nullptr || leaf->next == here));
  leaf = here;
  for (uint32_t i = 0; i < here->count; ++i) {
    const ScoredMember* const member = here->members[i];
    REDAN_CHECK((before == nullptr ||
                 stands_before(before->score(), before->key(), member->score(), member->key())));
    before = member;
  }
  return here->count;
}

void ScoreOrder::check_invariants() const {
  const ScoredMember* before = nullptr;
  const Leaf* leaf = nullptr;
  const size_t found = root_ == nullptr ? 0 : check_below(root_, levels_, before, leaf);
  REDAN_CHECK(found == size_);
  REDAN_CHECK((leaf == nullptr || leaf->next == nullptr));
}

}  // namespace redan
