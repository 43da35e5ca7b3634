#include "server/data/expiry_tree.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/base/rng.h"

namespace redan {
namespace {

// Beside a std::set; many times are equal.
TEST(ExpiryTree, FollowsAModel) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    std::vector<std::unique_ptr<ExpiryNode>> nodes;
    for (int i = 0; i < 300; ++i) nodes.push_back(std::make_unique<ExpiryNode>());
    std::set<std::pair<int64_t, ExpiryNode*>> model;
    std::set<ExpiryNode*> inside;
    ExpiryTree tree;
    for (int step = 0; step < 2000; ++step) {
      ExpiryNode* const node = nodes[rng.below(nodes.size())].get();
      if (rng.chance(0.1) && !tree.empty()) {
        ExpiryNode* const first = tree.first();
        tree.erase(first);
        model.erase({first->at_ms, first});
        inside.erase(first);
      } else if (inside.contains(node)) {
        tree.erase(node);
        model.erase({node->at_ms, node});
        inside.erase(node);
      } else {
        node->at_ms = static_cast<int64_t>(rng.below(seed % 2 == 0 ? 20 : 1'000'000));
        tree.insert(node);
        model.emplace(node->at_ms, node);
        inside.insert(node);
      }
      ASSERT_EQ(tree.size(), model.size());
      ASSERT_EQ(tree.first(), model.empty() ? nullptr : model.begin()->second);
      if (step % 50 == 0) tree.check_invariants();
    }
  }
}

// Times that only rise are what a session store sets.
TEST(ExpiryTree, GoesThroughAMillionInOrder) {
  std::vector<ExpiryNode> nodes(1'000'000);
  ExpiryTree tree;
  int64_t time = 0;
  for (ExpiryNode& node : nodes) {
    node.at_ms = ++time;
    tree.insert(&node);
  }
  tree.check_invariants();
  for (ExpiryNode& node : nodes) {
    ASSERT_EQ(tree.first(), &node);
    tree.erase(&node);
  }
  EXPECT_TRUE(tree.empty());
}

}  // namespace
}  // namespace redan
