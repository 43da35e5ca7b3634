// The members of a large sorted set in their order: a B+ tree of pointers to them that counts what
// is below each node, so that ranks are found, and found again, in O(log n).
//
//   Leaf   up to 61 pointers to members, linked with its neighbours both ways
//   Inner  for each of up to 31 children: its first member and that one's score, and how many
//          members are below it
//
// Scores of first members are kept twice, so that going down reads no member except where scores
// are equal. Nodes but the root hold at least one member (leaves) or two children: a node that
// falls below a quarter is merged with a neighbour or takes half of it. A member that comes at
// either end begins a leaf of its own, so that what arrives in order fills its leaves.
//
// Members belong to somebody else; their scores change through move() only. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "server/data/scored_member.h"

namespace redan {

class ScoreOrder {
 public:
  struct Leaf;

  // A member's place, for walking from it; good until the next change.
  class Cursor {
   public:
    explicit operator bool() const { return leaf_ != nullptr; }
    const ScoredMember& operator*() const;
    const ScoredMember* operator->() const { return &**this; }
    void next();
    void previous();

   private:
    friend class ScoreOrder;
    Cursor(const Leaf* leaf, uint32_t index) : leaf_(leaf), index_(index) {}
    const Leaf* leaf_;
    uint32_t index_;
  };

  ScoreOrder() = default;
  ~ScoreOrder();
  ScoreOrder(const ScoreOrder&) = delete;
  ScoreOrder& operator=(const ScoreOrder&) = delete;

  size_t size() const { return size_; }
  size_t memory_bytes() const;

  // A member that is not in here yet.
  void insert(ScoredMember* member);
  void erase(const ScoredMember& member);
  // Gives a member another score, and its new place.
  void move(ScoredMember& member, double score);
  // Takes out the member of a rank, which must exist.
  ScoredMember* take(size_t rank);
  // All at once, in their order; only while this is empty.
  void build(std::span<ScoredMember* const> ordered);

  // How many stand before it.
  size_t rank(const ScoredMember& member) const;
  // The member of a rank, none behind the last.
  Cursor at(size_t rank) const;
  // How many stand before the first for which before(score, member) is false. It must be true for
  // the members up to some place of the order and false from there on.
  size_t count_before_score(double score, bool inclusive) const;
  size_t count_before_member(std::string_view member, bool inclusive) const;

  // Stops the process if the tree is not what its comment says.
  void check_invariants() const;

 private:
  struct Inner;
  struct Step {
    Inner* node;
    uint32_t index;
  };
  static constexpr size_t kMaxLevels = 32;
  struct Path {
    Step steps[kMaxLevels];
    Leaf* leaf;
    uint32_t index;
  };

  template <class Before>
  size_t count_while(Before&& before) const;
  void find(double score, std::string_view member, Path& path) const;
  void find_rank(size_t rank, Path& path) const;
  void insert_at(Path& path, ScoredMember* member);
  void erase_at(Path& path);
  void set_first(Path& path, size_t levels, ScoredMember* member);
  void add_child(Path& path, size_t level, void* right, ScoredMember* first, size_t left_size,
                 size_t right_size);
  void mend_leaf(Path& path);
  void mend_inner(Path& path, size_t level);
  void remove_child(Path& path, size_t level, uint32_t index);
  void add_root(void* left, ScoredMember* left_first, size_t left_size, void* right,
                ScoredMember* right_first, size_t right_size);
  Leaf* new_leaf();
  Inner* new_inner();
  void free_leaf(Leaf* leaf);
  void free_inner(Inner* inner);
  void free_below(void* node, size_t levels);
  size_t check_below(const void* node, size_t levels, const ScoredMember*& before,
                     const Leaf*& leaf) const;

  void* root_ = nullptr;  // a Leaf where levels_ is 0
  size_t levels_ = 0;     // of inner nodes
  size_t size_ = 0;
  size_t leaves_ = 0;
  size_t inners_ = 0;
};

}  // namespace redan
