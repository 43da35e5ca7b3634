#include "server/drivers/host_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace redan {
namespace {

namespace fs = std::filesystem;

class HostFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "redan-host-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
  }
  void TearDown() override { fs::remove_all(root); }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root + path).substr(0, (root + path).rfind('/')));
    std::ofstream(root + path) << text;
  }
  std::string root;
};

TEST_F(HostFiles, FactsAreReadWhereTheKernelKeepsThem) {
  put("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
  put("/proc/sys/vm/overcommit_memory", "2\n");
  put("/proc/sys/net/core/somaxconn", "128\n");
  put("/proc/sys/net/ipv4/tcp_max_syn_backlog", "  256 \n");
  const HostFacts facts = read_host(root);
  EXPECT_EQ(facts.transparent_huge_pages, "always");
  EXPECT_EQ(facts.overcommit_memory, 2);
  EXPECT_EQ(facts.somaxconn, 128);
  EXPECT_EQ(facts.tcp_max_syn_backlog, 256);
  EXPECT_GT(facts.max_descriptors_hard.value_or(0), 0);
}

TEST_F(HostFiles, WhatCannotBeReadIsUnknown) {
  put("/proc/sys/vm/overcommit_memory", "nonsense");
  const HostFacts facts = read_host(root);
  EXPECT_EQ(facts.transparent_huge_pages, std::nullopt);
  EXPECT_EQ(facts.overcommit_memory, std::nullopt);
  EXPECT_EQ(facts.somaxconn, std::nullopt);
}

// In a child process: limits and flags of a process cannot be given back.
int in_child(int (*test)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(test());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(HostLimits, TheSoftLimitIsRaisedAsFarAsNeeded) {
  EXPECT_EQ(in_child([] {
              rlimit limit{};
              ::getrlimit(RLIMIT_NOFILE, &limit);
              limit.rlim_cur = 64;
              ::setrlimit(RLIMIT_NOFILE, &limit);
              const DescriptorPlan plan = secure_descriptors(100);
              ::getrlimit(RLIMIT_NOFILE, &limit);
              return plan.maxclients == 100 && plan.warnings.empty() && limit.rlim_cur == 132 ? 0
                                                                                              : 1;
            }),
            0);
}

TEST(HostLimits, AHardLimitThatStaysLowersMaxclients) {
  EXPECT_EQ(in_child([] {
              rlimit limit{1000, 1000};
              ::setrlimit(RLIMIT_NOFILE, &limit);
              if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;  // Root could raise it.
              const DescriptorPlan plan = secure_descriptors(10000);
              return plan.maxclients == 968 && plan.warnings.size() == 3 ? 0 : 1;
            }),
            0);
}

TEST(HostLimits, HugePagesAreTurnedOffForTheProcess) {
  EXPECT_EQ(in_child([] {
              if (!disable_huge_pages()) return 1;
              return ::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace redan
