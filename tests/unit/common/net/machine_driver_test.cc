#include "common/net/machine_driver.h"

#include <gmock/gmock.h>

#include <string>

namespace redan {
namespace {

using ::testing::ElementsAre;
using Driver = MachineDriver<std::string, std::string>;

struct Bench {
  // "persist" effects are held open until release(); others are done at once.
  Driver driver{[this](std::string& input) {
                  seen.push_back("take " + input);
                  return std::vector<std::string>{"persist " + input, "send " + input};
                },
                [this](std::string& effect, Driver::Done done) {
                  seen.push_back(effect);
                  if (slow && effect.starts_with("persist")) {
                    held = std::move(done);
                  } else {
                    done();
                  }
                }};
  std::vector<std::string> seen;
  Driver::Done held;
  bool slow = true;
};

TEST(MachineDriver, NothingOvertakesAPersist) {
  Bench bench;
  bench.driver.submit("a");
  bench.driver.submit("b");
  EXPECT_THAT(bench.seen, ElementsAre("take a", "persist a"));
  EXPECT_FALSE(bench.driver.idle());
  std::exchange(bench.held, nullptr)();
  EXPECT_THAT(bench.seen, ElementsAre("take a", "persist a", "send a", "take b", "persist b"));
  std::exchange(bench.held, nullptr)();
  EXPECT_EQ(bench.seen.back(), "send b");
  EXPECT_TRUE(bench.driver.idle());
}

TEST(MachineDriver, InputsFromWithinAnEffectWaitForTheirTurn) {
  std::vector<std::string> seen;
  Driver* self = nullptr;
  Driver driver(
      [&](std::string& input) {
        return std::vector<std::string>{input + "1", input + "2"};
      },
      [&](std::string& effect, Driver::Done done) {
        seen.push_back(effect);
        if (effect == "a1") self->submit("b");
        done();
      });
  self = &driver;
  driver.submit("a");
  EXPECT_THAT(seen, ElementsAre("a1", "a2", "b1", "b2"));
}

TEST(MachineDriver, AFullInboxRefuses) {
  Bench bench;
  bench.driver.submit("first");
  for (size_t i = 0; i < Driver::kMaxInbox; ++i) ASSERT_TRUE(bench.driver.submit("more"));
  EXPECT_FALSE(bench.driver.submit("one too many"));
}

TEST(MachineDriver, NothingFollowsItsEnd) {
  std::vector<std::string> seen;
  Driver::Done held;
  {
    Driver driver(
        [](std::string&) {
          return std::vector<std::string>{"one", "two"};
        },
        [&](std::string& effect, Driver::Done done) {
          seen.push_back(effect);
          held = std::move(done);
        });
    driver.submit("x");
  }
  held();
  EXPECT_THAT(seen, ElementsAre("one"));
}

}  // namespace
}  // namespace redan
