#include <gtest/gtest.h>

#include "server/command/call.h"

namespace redan {
namespace {

TEST(Propagation, WhereNobodyListensNothingIsKept) {
  Propagation effects;
  effects.set_heard(false);
  effects.replace();
  effects.add({"SET", "k", "v"});
  EXPECT_TRUE(effects.replaced());
  EXPECT_TRUE(effects.commands().empty());
  effects.clear();
  effects.set_heard(true);
  effects.add({"SET", "k", "v"});
  ASSERT_EQ(effects.commands().size(), 1U);
  EXPECT_EQ(effects.commands()[0], (std::vector<std::string>{"SET", "k", "v"}));
}

// (That the memory of a long command goes shows in its commands only: none is left of it.)
TEST(Propagation, StartsAnewBehindALongCommand) {
  Propagation effects;
  const std::vector<std::string_view> words(20'000, "word");
  effects.add(words);
  EXPECT_EQ(effects.commands()[0].size(), words.size());
  effects.clear();
  EXPECT_TRUE(effects.commands().empty());
  effects.add({"DEL", "k"});
  ASSERT_EQ(effects.commands().size(), 1U);
  EXPECT_EQ(effects.commands()[0], (std::vector<std::string>{"DEL", "k"}));
}

}  // namespace
}  // namespace redan
