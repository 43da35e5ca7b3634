// What expires, in the order of its time: a treap threaded through its elements.
//
// Each element carries a node; the tree owns nothing and allocates nothing, so insert, erase and
// the way to the next are O(log n) on average, and nothing ever moves in bulk. A node's priority is
// a hash of its address: heap order by priority, search order by (time, address). Whoever moves or
// frees a node takes it out first. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/check.h"

namespace redan {

struct ExpiryNode {
  ExpiryNode* left = nullptr;
  ExpiryNode* right = nullptr;
  int64_t at_ms = 0;
};

class ExpiryTree {
 public:
  ExpiryTree() = default;
  ExpiryTree(const ExpiryTree&) = delete;
  ExpiryTree& operator=(const ExpiryTree&) = delete;

  bool empty() const { return root_ == nullptr; }
  size_t size() const { return size_; }
  // The one whose time comes first; nullptr: there is none.
  ExpiryNode* first() const { return first_; }
  void insert(ExpiryNode* node);
  void erase(ExpiryNode* node);

  // Stops the process if the tree is not what its comment says.
  void check_invariants() const;

 private:
  static bool before(const ExpiryNode* a, const ExpiryNode* b) {
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a < b;
  }
  static uint64_t priority(const ExpiryNode* node) {
    auto bits = reinterpret_cast<uintptr_t>(node) * 0x9E3779B97F4A7C15U;
    bits = (bits ^ bits >> 32) * 0xD6E8FEB86659FD93U;
    return bits ^ bits >> 32;
  }

  ExpiryNode* root_ = nullptr;
  ExpiryNode* first_ = nullptr;
  size_t size_ = 0;
};

}  // namespace redan
