#include "server/drivers/cpu_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace redan {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(CpuList, ReadsWhatTasksetReads) {
  EXPECT_THAT(parse_cpu_list("0"), Optional(ElementsAre(0)));
  EXPECT_THAT(parse_cpu_list("0,2,3"), Optional(ElementsAre(0, 2, 3)));
  EXPECT_THAT(parse_cpu_list("1-3"), Optional(ElementsAre(1, 2, 3)));
  EXPECT_THAT(parse_cpu_list("0-7:3,8"), Optional(ElementsAre(0, 3, 6, 8)));
  EXPECT_THAT(parse_cpu_list("1023"), Optional(ElementsAre(1023)));
}

TEST(CpuList, RefusesWhatIsNoList) {
  for (const char* text : {"", ",", "0,", "x", "-1", "3-1", "0-", "0-3:0", "0-3:x", "1024", "0 1",
                           "99999999999999999999"}) {
    EXPECT_EQ(parse_cpu_list(text), std::nullopt) << text;
  }
}

TEST(CpuList, BindsTheCallingThreadOnly) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(static_cast<size_t>(first), &before)) ++first;
  std::thread([first] {
    bind_this_thread("bio-cpulist", std::to_string(first));
    cpu_set_t bound;
    ASSERT_EQ(::sched_getaffinity(0, sizeof bound, &bound), 0);
    EXPECT_EQ(CPU_COUNT(&bound), 1);
    EXPECT_TRUE(CPU_ISSET(static_cast<size_t>(first), &bound));
    bind_this_thread("bio-cpulist", "nonsense");
    EXPECT_EQ(::sched_getaffinity(0, sizeof bound, &bound), 0);
    EXPECT_EQ(CPU_COUNT(&bound), 1);
  }).join();
  cpu_set_t after;
  ASSERT_EQ(::sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

}  // namespace
}  // namespace redan
