#include "common/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "common/log/format.h"

namespace redan {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr LogDate kDate = {2026, 11, 24, 21, 5, 6, 123};

TEST(LogFormat, LinesLookLikeThoseOfRedis) {
  EXPECT_EQ(format_log_line(4711, LogRole::kPrimary, kDate, LogLevel::kNotice, "Ready"),
            "4711:M 24 Nov 2026 21:05:06.123 * Ready\n");
  EXPECT_EQ(format_log_line(1, LogRole::kSentinel, kDate, LogLevel::kWarning, "x"),
            "1:X 24 Nov 2026 21:05:06.123 # x\n");
  EXPECT_EQ(format_log_line(1, LogRole::kReplica, {2026, 1, 2, 3, 4, 5, 6}, LogLevel::kDebug, ""),
            "1:S 02 Jan 2026 03:04:05.006 . \n");
  EXPECT_EQ(format_log_line(1, LogRole::kChild, kDate, LogLevel::kVerbose, "v"),
            "1:C 24 Nov 2026 21:05:06.123 - v\n");
}

TEST(LogFormat, AMessageCannotForgeALine) {
  EXPECT_EQ(format_log_line(1, LogRole::kPrimary, kDate, LogLevel::kNotice, "a\n1:M b\r\x1b[0m\tc"),
            "1:M 24 Nov 2026 21:05:06.123 * a\\n1:M b\\r\\x1b[0m\tc\n");
}

TEST(LogFields, ValuesAreQuotedWhereNeeded) {
  EXPECT_EQ(fields("shard", "a", "epoch", 7, "name", "two words", "empty", ""),
            "shard=a epoch=7 name=\"two words\" empty=\"\"");
}

class LogFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "redan-log-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir = pattern;
  }
  void TearDown() override {
    ASSERT_TRUE(open_log({}).ok());  // Back to stdout.
    set_log_role(LogRole::kPrimary);
    fs::remove_all(dir);
  }
  std::string path() const { return (dir / "redan.log").string(); }
  std::vector<std::string> lines() const {
    std::ifstream file(path());
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);) out.push_back(line);
    return out;
  }
  fs::path dir;
};

TEST_F(LogFile, LevelsRolesAndAppending) {
  ASSERT_TRUE(open_log({.file = path(), .level = LogLevel::kVerbose}).ok());
  log_debug("hidden {}", 1);
  log_verbose("shown {}", 2);
  set_log_role(LogRole::kReplica);
  log_warning("role {}", "S");
  ASSERT_TRUE(open_log({.file = path()}).ok());  // Appends.
  log_verbose("hidden");
  set_log_level(LogLevel::kDebug);
  log_debug("again");
  set_log_level(LogLevel::kNothing);
  log_warning("hidden");
  const std::string head = std::to_string(getpid());
  EXPECT_THAT(lines(), ElementsAre(MatchesRegex(head + ":M .* - shown 2"),
                                   MatchesRegex(head + ":S .* # role S"),
                                   MatchesRegex(head + ":S .* \\. again")));
}

TEST_F(LogFile, AnUnwritablePathIsAnErrorThatNamesItAndTheOldLogStays) {
  ASSERT_TRUE(open_log({.file = path()}).ok());
  const std::string bad = (dir / "no" / "such.log").string();
  const Result<void> opened = open_log({.file = bad});
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message(),
              HasSubstr("Can't open the log file " + bad + ": No such file or directory; set"));
  log_notice("still here");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("still here")));
}

TEST_F(LogFile, AFullDiskLosesLinesButNotTheProcess) {
  ASSERT_TRUE(open_log({.file = "/dev/full"}).ok());
  const uint64_t before = log_lines_lost();
  log_notice("lost");
  log_warning("lost too");
  EXPECT_EQ(log_lines_lost(), before + 2);
}

TEST_F(LogFile, ThreadsWriteWholeLinesWhileTheLogMoves) {
  ASSERT_TRUE(open_log({.file = path()}).ok());
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < kLines; ++i) log_notice("thread {} line {} end", t, i);
      });
    }
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(open_log({.file = path()}).ok());
  }
  const auto all = lines();
  EXPECT_EQ(all.size(), static_cast<size_t>(kThreads * kLines));
  for (const std::string& line : all) {
    EXPECT_THAT(line, MatchesRegex("[0-9]+:M .* \\* thread [0-9] line [0-9]+ end"));
  }
}

TEST_F(LogFile, SyslogCanBeSwitchedOnAndOff) {
  ASSERT_TRUE(open_log({.file = path(), .syslog = true, .syslog_ident = "redan-test"}).ok());
  log_notice("to both");
  ASSERT_TRUE(open_log({.file = path()}).ok());
  log_notice("to the file");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("* to both"), HasSubstr("* to the file")));
}

}  // namespace
}  // namespace redan
