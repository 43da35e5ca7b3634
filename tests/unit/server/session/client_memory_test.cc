#include "server/session/client_memory.h"

#include <gtest/gtest.h>

#include <deque>

#include "common/base/rng.h"

namespace redan {
namespace {

constexpr size_t kKilobyte = 1024;

TEST(ClientMemory, TheLargestComesFirstAndTheSumFollows) {
  ClientMemory memory;
  ClientMemory::Share small, medium, large;
  memory.set(small, 10 * kKilobyte, true);
  memory.set(large, 900 * kKilobyte, true);
  memory.set(medium, 700 * kKilobyte, true);
  EXPECT_EQ(memory.total(), 1610 * kKilobyte);
  EXPECT_EQ(memory.largest(), &large);
  memory.set(large, 600 * kKilobyte, true);
  EXPECT_EQ(memory.largest(), &medium);
  memory.forget(medium);
  EXPECT_EQ(memory.largest(), &large);
  memory.set(large, 1, true);
  EXPECT_EQ(memory.largest(), &small);
  memory.forget(small);
  memory.forget(large);
  EXPECT_EQ(memory.largest(), nullptr);
  EXPECT_EQ(memory.total(), 0u);
}

TEST(ClientMemory, WhoMayNotBeClosedCountsAndIsNeverNamed) {
  ClientMemory memory;
  ClientMemory::Share spared, other;
  memory.set(spared, 100 * kKilobyte, false);
  EXPECT_EQ(memory.total(), 100 * kKilobyte);
  EXPECT_EQ(memory.largest(), nullptr);
  memory.set(other, 1, true);
  EXPECT_EQ(memory.largest(), &other);
  memory.set(spared, 100 * kKilobyte, true);  // CLIENT NO-EVICT OFF
  EXPECT_EQ(memory.largest(), &spared);
  memory.set(spared, 100 * kKilobyte, false);
  EXPECT_EQ(memory.largest(), &other);
  memory.check_invariants();
}

TEST(ClientMemory, NobodyTwiceAsLargeIsSparedHoweverManyThereAre) {
  ClientMemory memory;
  std::deque<ClientMemory::Share> shares(5000);
  Rng rng(3);
  size_t largest = 0;
  for (int step = 0; step < 50'000; ++step) {
    ClientMemory::Share& share = shares[rng.below(shares.size())];
    memory.set(share, rng.below(1UL << (10 + rng.below(20))), true);
    if (step % 1000 != 0) continue;
    memory.check_invariants();
    largest = 0;
    size_t sum = 0;
    for (const ClientMemory::Share& one : shares) {
      largest = std::max(largest, one.bytes());
      sum += one.bytes();
    }
    ASSERT_EQ(memory.total(), sum);
    ASSERT_GE(memory.largest()->bytes() * 2, largest);
  }
}

TEST(ClientMemory, TheLimitIsBytesOrAPartOfMaxmemory) {
  EXPECT_EQ(client_memory_limit(0, 1'000'000'000), 0u);
  EXPECT_EQ(client_memory_limit(5'000'000, 0), 5'000'000u);
  EXPECT_EQ(client_memory_limit(-5, 1'000'000'000), 50'000'000u);
  EXPECT_EQ(client_memory_limit(-100, 1'000'000), 1'000'000u);
  EXPECT_EQ(client_memory_limit(-5, 0), 0u);
  // What would keep everybody out is raised.
  EXPECT_EQ(client_memory_limit(1, 0), 128 * kKilobyte);
  EXPECT_EQ(client_memory_limit(-5, 1'000'000), 128 * kKilobyte);
}

}  // namespace
}  // namespace redan
