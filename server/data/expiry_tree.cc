#include "server/data/expiry_tree.h"

#include <vector>

namespace redan {

void ExpiryTree::insert(ExpiryNode* node) {
  // Down to where the heap order wants it ...
  const uint64_t own = priority(node);
  ExpiryNode** link = &root_;
  while (*link != nullptr && priority(*link) > own) {
    link = before(node, *link) ? &(*link)->left : &(*link)->right;
  }
  // ... and what is below is split by it.
  ExpiryNode* rest = *link;
  ExpiryNode** left = &node->left;
  ExpiryNode** right = &node->right;
  while (rest != nullptr) {
    if (before(rest, node)) {
      *left = rest;
      left = &rest->right;
      rest = *left;
    } else {
      *right = rest;
      right = &rest->left;
      rest = *right;
    }
  }
  *left = *right = nullptr;
  *link = node;
  if (first_ == nullptr || before(node, first_)) first_ = node;
  ++size_;
}

void ExpiryTree::erase(ExpiryNode* node) {
  ExpiryNode** link = &root_;
  while (*link != node) {
    REDAN_CHECK(*link != nullptr);
    link = before(node, *link) ? &(*link)->left : &(*link)->right;
  }
  ExpiryNode* left = node->left;
  ExpiryNode* right = node->right;
  while (left != nullptr && right != nullptr) {
    if (priority(left) > priority(right)) {
      *link = left;
      link = &left->right;
      left = *link;
    } else {
      *link = right;
      link = &right->left;
      right = *link;
    }
  }
  *link = left != nullptr ? left : right;
  --size_;
  if (node != first_) return;
  first_ = root_;
  while (first_ != nullptr && first_->left != nullptr) first_ = first_->left;
}

void ExpiryTree::check_invariants() const {
  // In order, without recursion: a damaged tree may be as deep as it has nodes.
  std::vector<const ExpiryNode*> above;
  const ExpiryNode* at = root_;
  const ExpiryNode* previous = nullptr;
  size_t seen = 0;
  while (at != nullptr || !above.empty()) {
    for (; at != nullptr; at = at->left) {
      above.push_back(at);
      if (at->left != nullptr) REDAN_CHECK(priority(at->left) <= priority(at));
      if (at->right != nullptr) REDAN_CHECK(priority(at->right) <= priority(at));
    }
    const ExpiryNode* const next = above.back();
    above.pop_back();
    if (previous == nullptr) REDAN_CHECK(next == first_);
    if (previous != nullptr) REDAN_CHECK(before(previous, next));
    previous = next;
    ++seen;
    at = next->right;
  }
  REDAN_CHECK(seen == size_);
  REDAN_CHECK((first_ == nullptr) == (root_ == nullptr));
}

}  // namespace redan
