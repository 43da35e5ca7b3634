// The nodes of ScoreOrder: for score_order.cc alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/base/prefetch.h"
#include "server/data/score_order.h"

namespace redan {

constexpr uint32_t kLeafMembers = 61;
constexpr uint32_t kChildren = 31;
// Below these a node is mended; two that are together no more than these become one.
constexpr uint32_t kLeastMembers = kLeafMembers / 4;
constexpr uint32_t kLeastChildren = kChildren / 4;
constexpr uint32_t kMergedMembers = kLeafMembers * 3 / 4;
constexpr uint32_t kMergedChildren = kChildren * 3 / 4;
// How full build() makes nodes, so that the next insertions do not split each of them.
constexpr size_t kBuiltMembers = kLeafMembers * 7 / 8;
constexpr size_t kBuiltChildren = kChildren * 7 / 8;

template <class T>
void open_gap(T* items, uint32_t count, uint32_t at) {
  std::memmove(items + at + 1, items + at, (count - at) * sizeof(T));
}
template <class T>
void close_gap(T* items, uint32_t count, uint32_t at) {
  std::memmove(items + at, items + at + 1, (count - at - 1) * sizeof(T));
}

struct ScoreOrder::Leaf {
  Leaf* next = nullptr;
  Leaf* previous = nullptr;
  uint32_t count = 0;
  ScoredMember* members[kLeafMembers];

  void insert(uint32_t at, ScoredMember* member) {
    open_gap(members, count, at);
    members[at] = member;
    ++count;
  }
  // The first `moved` of `from` behind the last here, or the last `moved` of `from` before the
  // first.
  void take_front(Leaf& from, uint32_t moved) {
    std::copy_n(from.members, moved, members + count);
    std::copy(from.members + moved, from.members + from.count, from.members);
    count += moved;
    from.count -= moved;
  }
  void take_back(Leaf& from, uint32_t moved) {
    std::copy_backward(members, members + count, members + count + moved);
    std::copy_n(from.members + from.count - moved, moved, members);
    count += moved;
    from.count -= moved;
  }
  // How many there are up to the first for which `before` is false.
  template <class Before>
  uint32_t count_while(Before&& before) const {
    uint32_t low = 0;
    uint32_t length = count;
    while (length > 0) {
      const uint32_t half = length / 2;
      // Whatever the answer, the next question is about one of these two.
      prefetch_line(members[low + half / 2]);
      prefetch_line(members[low + half + (length - half) / 2]);
      const ScoredMember* const middle = members[low + half];
      if (before(middle->score(), *middle)) {
        low += half + 1;
        length -= half + 1;
      } else {
        length = half;
      }
    }
    return low;
  }
};

struct ScoreOrder::Inner {
  uint32_t count = 0;
  double scores[kChildren];  // of the first members
  ScoredMember* firsts[kChildren];
  void* children[kChildren];
  size_t sizes[kChildren];

  void set(uint32_t at, void* child, ScoredMember* first, size_t size) {
    scores[at] = first->score();
    firsts[at] = first;
    children[at] = child;
    sizes[at] = size;
  }
  void insert(uint32_t at, void* child, ScoredMember* first, size_t size) {
    open_gap(scores, count, at);
    open_gap(firsts, count, at);
    open_gap(children, count, at);
    open_gap(sizes, count, at);
    ++count;
    set(at, child, first, size);
  }
  void erase(uint32_t at) {
    close_gap(scores, count, at);
    close_gap(firsts, count, at);
    close_gap(children, count, at);
    close_gap(sizes, count, at);
    --count;
  }
  void move_out(uint32_t from, uint32_t moved, Inner& to, uint32_t at) const {
    std::copy_n(scores + from, moved, to.scores + at);
    std::copy_n(firsts + from, moved, to.firsts + at);
    std::copy_n(children + from, moved, to.children + at);
    std::copy_n(sizes + from, moved, to.sizes + at);
  }
  void shift(uint32_t from, uint32_t to) {
    const uint32_t moved = count - from;
    std::memmove(scores + to, scores + from, moved * sizeof scores[0]);
    std::memmove(firsts + to, firsts + from, moved * sizeof firsts[0]);
    std::memmove(children + to, children + from, moved * sizeof children[0]);
    std::memmove(sizes + to, sizes + from, moved * sizeof sizes[0]);
  }
  void take_front(Inner& from, uint32_t moved) {
    from.move_out(0, moved, *this, count);
    from.shift(moved, 0);
    count += moved;
    from.count -= moved;
  }
  void take_back(Inner& from, uint32_t moved) {
    shift(0, moved);
    from.move_out(from.count - moved, moved, *this, 0);
    count += moved;
    from.count -= moved;
  }
  size_t total() const {
    size_t sum = 0;
    for (uint32_t i = 0; i < count; ++i) sum += sizes[i];
    return sum;
  }
  // The last child whose first member `before` is true for; the first child where there is none.
  template <class Before>
  uint32_t child_for(Before&& before) const {
    uint32_t low = 1;
    uint32_t length = count - 1;
    while (length > 0) {
      const uint32_t half = length / 2;
      if (before(scores[low + half], *firsts[low + half])) {
        low += half + 1;
        length -= half + 1;
      } else {
        length = half;
      }
    }
    return low - 1;
  }
};

}  // namespace redan
