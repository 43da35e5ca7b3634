#include "server/drivers/memory_use.h"

#include <gtest/gtest.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <jemalloc/jemalloc.h>

#include <thread>

namespace redan {
namespace {

struct Allocation {
  unsigned arena = ~0U;
  bool keeps_freed = false;
};

// Of a new thread that says `say` first.
template <class Say>
Allocation of_thread(Say say) {
  Allocation seen;
  std::thread([&] {
    say();
    size_t size = sizeof seen.arena;
    mallctl("thread.arena", &seen.arena, &size, nullptr, 0);
    size = sizeof seen.keeps_freed;
    mallctl("thread.tcache.enabled", &seen.keeps_freed, &size, nullptr, 0);
  }).join();
  return seen;
}

TEST(MemoryUse, ThreadsThatSayNothingShareAnArenaAndKeepNothing) {
  for (int i = 0; i < 3; ++i) {
    const Allocation silent = of_thread([] {});
    EXPECT_EQ(silent.arena, 0U);
    EXPECT_FALSE(silent.keeps_freed);
  }
}

TEST(MemoryUse, AThreadThatFreesMuchKeepsSomeOfIt) {
  const Allocation busy = of_thread(keep_freed_memory);
  EXPECT_EQ(busy.arena, 0U);
  EXPECT_TRUE(busy.keeps_freed);
}

TEST(MemoryUse, TheDataThreadHasAnArenaToItself) {
  const Allocation data = of_thread(use_own_arena);
  EXPECT_NE(data.arena, 0U);
  EXPECT_TRUE(data.keeps_freed);
}

}  // namespace
}  // namespace redan

#else

#include <string>

namespace redan {
namespace {

// So that maxmemory means something there, too: eviction is tested with sanitizers like the rest.
TEST(MemoryUse, IsTheSanitizersCountWhereTheAllocatorIsTheirs) {
  const int64_t before = used_memory();
  const std::string ten_million(10'000'000, 'x');
  EXPECT_GE(used_memory() - before, int64_t{10'000'000});
}

}  // namespace
}  // namespace redan

#endif
