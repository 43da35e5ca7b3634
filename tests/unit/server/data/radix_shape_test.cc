// The number of radix tree nodes, beside a plain trie that counts them.
#include "server/data/radix_shape.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "common/base/rng.h"

namespace redan {
namespace {

struct Trie {
  std::map<unsigned char, std::unique_ptr<Trie>> children;
  void add(std::string_view key) {
    if (key.empty()) return;
    auto& child = children[static_cast<unsigned char>(key[0])];
    if (child == nullptr) child = std::make_unique<Trie>();
    child->add(key.substr(1));
  }
  // Stretches of single children are one node.
  size_t nodes() const {
    const Trie* at = this;
    size_t count = 0;
    if (at->children.size() == 1) {
      ++count;
      while (at->children.size() == 1) at = at->children.begin()->second.get();
    }
    ++count;
    for (const auto& [byte, child] : at->children) count += child->nodes();
    return count;
  }
};

TEST(RadixShape, IsThatOfATrie) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    LargeStream stream;
    Trie trie;
    StreamId id{rng.below(3) == 0 ? 0 : rng.next() >> rng.below(60), 1};
    const std::string_view words[] = {"f", "v"};
    const uint64_t ids = rng.below(40);
    for (uint64_t i = 0; i < ids; ++i) {
      const uint64_t step = uint64_t{1} << rng.below(34);
      if (rng.chance(0.5)) {
        id.ms += step;
      } else {
        id.seq += step;
      }
      stream.append(id, words, {.bytes = 4096, .entries = 1});
      char key[StreamId::kBytes];
      id.store(key);
      trie.add({key, sizeof key});
    }
    ASSERT_EQ(stream.nodes().size(), ids);
    EXPECT_EQ(radix_tree_nodes(stream.nodes()), trie.nodes()) << "seed " << seed;
  }
}

// As XINFO STREAM of redis-server 7.0.15 says.
TEST(RadixShape, OfAFewStreams) {
  const std::string_view words[] = {"f", "v"};
  const auto of = [&](std::initializer_list<StreamId> ids) {
    LargeStream stream;
    for (const StreamId id : ids) stream.append(id, words, {.bytes = 4096, .entries = 1});
    return radix_tree_nodes(stream.nodes());
  };
  EXPECT_EQ(of({}), 1U);
  EXPECT_EQ(of({{1, 1}}), 2U);
  EXPECT_EQ(of({{1, 1}, {1, 2}}), 4U);
  EXPECT_EQ(of({{1, 1}, {1, 2}, {2, 1}}), 8U);
  EXPECT_EQ(of({{1, 1}, {256, 2}, {257, 2}, {70000, 1}, {70000, 300}}), 16U);
}

}  // namespace
}  // namespace redan
