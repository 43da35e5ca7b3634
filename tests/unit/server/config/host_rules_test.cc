#include "server/config/host_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace redan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Verdict = SystemCheck::Verdict;

TEST(Descriptors, ALimitOf1000Serves968Clients) {
  EXPECT_EQ(descriptors_needed(10000), 10032);
  const DescriptorPlan plan = plan_descriptors(10000, 1000, "Operation not permitted");
  EXPECT_EQ(plan.maxclients, 968);
  EXPECT_EQ(plan.fatal, "");
  EXPECT_THAT(
      plan.warnings,
      ElementsAre(
          "You requested maxclients of 10000 requiring at least 10032 max file descriptors.",
          "Server can't set maximum open files to 10032 because of OS error: Operation not "
          "permitted.",
          "Current maximum open files is 1000. maxclients has been reduced to 968 to "
          "compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'."));
}

TEST(Descriptors, EnoughIsSilentAndTooFewIsFatal) {
  for (const int64_t enough : {int64_t{10032}, int64_t{1} << 40}) {
    const DescriptorPlan plan = plan_descriptors(10000, enough, "");
    EXPECT_EQ(plan.maxclients, 10000);
    EXPECT_THAT(plan.warnings, IsEmpty());
  }
  EXPECT_EQ(plan_descriptors(10000, 10031, "x").maxclients, 9999);
  EXPECT_EQ(plan_descriptors(10000, 33, "x").maxclients, 1);
  EXPECT_EQ(plan_descriptors(10000, 33, "x").fatal, "");
  EXPECT_THAT(plan_descriptors(10000, 32, "x").fatal,
              HasSubstr("'ulimit -n' of 32 is not enough for the server to start"));
}

HostFacts good_host() {
  return {.max_descriptors_soft = 20000,
          .max_descriptors_hard = 20000,
          .transparent_huge_pages = "madvise",
          .overcommit_memory = 1,
          .somaxconn = 511,
          .tcp_max_syn_backlog = 511};
}

TEST(StartWarnings, AGoodOrUnreadableHostIsSilent) {
  EXPECT_THAT(start_warnings({.host = good_host()}), IsEmpty());
  EXPECT_THAT(start_warnings({.host = {}}), IsEmpty());
}

TEST(StartWarnings, EachFaultHasItsLine) {
  HostFacts host = good_host();
  host.somaxconn = 128;
  host.tcp_max_syn_backlog = 510;
  host.overcommit_memory = 0;
  host.transparent_huge_pages = "always";
  EXPECT_THAT(start_warnings({.host = host, .disable_thp = false}),
              ElementsAre("WARNING: The TCP backlog setting of 511 cannot be enforced because "
                          "/proc/sys/net/core/somaxconn is set to the lower value of 128.",
                          HasSubstr("/proc/sys/net/ipv4/tcp_max_syn_backlog is set to the lower "
                                    "value of 510."),
                          HasSubstr("sysctl vm.overcommit_memory=1"),
                          HasSubstr("Transparent Huge Pages (THP) support enabled")));
  // Huge pages are off for us: nothing to warn about.
  EXPECT_THAT(start_warnings({.host = host, .disable_thp = true}), testing::SizeIs(3));
}

TEST(CheckSystem, EachRowHasItsRemedy) {
  HostFacts host = good_host();
  EXPECT_TRUE(all_well(check_system(host, 10000, 511)));
  host.max_descriptors_hard = 1024;
  host.transparent_huge_pages = "always";
  host.overcommit_memory = 2;
  host.somaxconn = 128;
  host.tcp_max_syn_backlog = std::nullopt;
  const auto checks = check_system(host, 10000, 511);
  EXPECT_FALSE(all_well(checks));
  ASSERT_EQ(checks.size(), 5u);
  EXPECT_THAT(checks[0].remedy, HasSubstr("ulimit -Hn 10032"));
  EXPECT_EQ(checks[1].remedy, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  EXPECT_EQ(checks[2].remedy, "sysctl -w vm.overcommit_memory=1");
  EXPECT_EQ(checks[3].remedy, "sysctl -w net.core.somaxconn=511");
  EXPECT_EQ(checks[4].verdict, Verdict::kUnknown);
  const std::string table = system_table(checks);
  EXPECT_THAT(table, HasSubstr("WARNING  net.core.somaxconn"));
  EXPECT_THAT(table, HasSubstr("unknown  net.ipv4.tcp_max_syn_backlog"));
}

TEST(CheckSystem, TheChosenWordStandsInBrackets) {
  EXPECT_EQ(chosen_word("always [madvise] never"), "madvise");
  EXPECT_EQ(chosen_word("always madvise"), std::nullopt);
  EXPECT_EQ(chosen_word("]x["), std::nullopt);
  EXPECT_EQ(chosen_word(""), std::nullopt);
}

}  // namespace
}  // namespace redan
