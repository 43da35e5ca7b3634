#include "server/drivers/nodes_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/server/drivers/snapshot_fixture.h"

namespace redan {
namespace {

using testing::HasSubstr;

constexpr char kSelf[] = "07c37dfeb235213a872192d90877d0cd55635b91";

// A node's file of about 2 KB whose epoch is `n`.
std::string text_of(uint64_t n) {
  std::string text = std::string(kSelf) + " 127.0.0.1:7000@17000 myself,master - 0 0 " +
                     std::to_string(n) + " connected";
  for (int slot = 0; slot < 800; slot += 2) text += " " + std::to_string(slot);
  return text + "\nvars currentEpoch " + std::to_string(n) + " lastVoteEpoch 0\n";
}

TEST(NodesConf, RemembersWhatWasSaved) {
  const Folder folder;
  {
    Result<NodesConf> conf = NodesConf::open(folder.file("nodes.conf"));
    ASSERT_TRUE(conf) << conf.error().message();
    EXPECT_FALSE(conf->found());
    ASSERT_TRUE(conf->save(text_of(1)));
    ASSERT_TRUE(conf->save(text_of(7)));
    EXPECT_EQ(folder.read("nodes.conf"), text_of(7));
    EXPECT_EQ(folder.files(), 1u);
  }
  const Result<NodesConf> again = NodesConf::open(folder.file("nodes.conf"));
  ASSERT_TRUE(again && again->found());
  EXPECT_EQ(again->found()->self.hex(), kSelf);
  EXPECT_EQ(again->found()->current_epoch, Epoch(7));
}

TEST(NodesConf, ASecondOwnerIsRefusedUntilTheFirstIsGone) {
  const Folder folder;
  const std::string path = folder.file("nodes.conf");
  {
    Result<NodesConf> first = NodesConf::open(path);
    ASSERT_TRUE(first);
    EXPECT_FALSE(NodesConf::open(path));
    // The file was replaced; its successor is as much ours.
    ASSERT_TRUE(first->save(text_of(1)));
    const Result<NodesConf> second = NodesConf::open(path);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message(), HasSubstr("already used by a different"));
    EXPECT_THAT(second.error().message(), HasSubstr(path));
    EXPECT_THAT(second.error().message(), HasSubstr("cluster-config-file"));
  }
  EXPECT_TRUE(NodesConf::open(path));
}

TEST(NodesConf, WhatIsThereAlreadyIsNotWrittenAgain) {
  const Folder folder;
  const std::string path = folder.file("nodes.conf");
  Result<NodesConf> conf = NodesConf::open(path);
  ASSERT_TRUE(conf && conf->save(text_of(1)));
  const auto written = std::filesystem::last_write_time(path);
  ASSERT_TRUE(conf->save(text_of(1)));
  EXPECT_EQ(std::filesystem::last_write_time(path), written);
  // Unless somebody took the file away.
  std::filesystem::remove(path);
  ASSERT_TRUE(conf->save(text_of(1)));
  EXPECT_EQ(folder.read("nodes.conf"), text_of(1));
}

TEST(NodesConf, ALinkStaysALink) {
  const Folder folder;
  std::filesystem::create_directory(folder.file("elsewhere"));
  std::filesystem::create_symlink(folder.file("elsewhere") + "/real", folder.file("nodes.conf"));
  Result<NodesConf> conf = NodesConf::open(folder.file("nodes.conf"));
  ASSERT_TRUE(conf && conf->save(text_of(1)));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("nodes.conf")));
  EXPECT_EQ(folder.read("elsewhere/real"), text_of(1));
}

TEST(NodesConf, ErrorsNameTheFileTheWordAndTheRemedy) {
  const Folder folder;
  folder.write("nodes.conf", text_of(1) + "vars currentEpoch none\n");
  const Result<NodesConf> broken = NodesConf::open(folder.file("nodes.conf"));
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message(), HasSubstr(folder.file("nodes.conf")));
  EXPECT_THAT(broken.error().message(), HasSubstr("line 3: \"none\""));
  EXPECT_THAT(broken.error().message(), HasSubstr("move the file away"));

  const Result<NodesConf> nowhere = NodesConf::open(folder.file("missing/nodes.conf"));
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message(), HasSubstr("No such file or directory"));
  EXPECT_THAT(nowhere.error().message(), HasSubstr("Set 'dir' or 'cluster-config-file'"));

  std::filesystem::create_directory(folder.file("gone"));
  Result<NodesConf> conf = NodesConf::open(folder.file("gone/nodes.conf"));
  ASSERT_TRUE(conf);
  std::filesystem::remove_all(folder.file("gone"));
  const Result<void> saved = conf->save(text_of(1));
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message(), HasSubstr(folder.file("gone/nodes.conf")));
  EXPECT_THAT(saved.error().message(), HasSubstr("let this user write there"));
}

TEST(NodesConf, WhatACrashLeftBesideIsIgnored) {
  const Folder folder;
  folder.write("nodes.conf", text_of(3));
  folder.write("nodes.conf.tmp", text_of(4).substr(0, 100));
  Result<NodesConf> conf = NodesConf::open(folder.file("nodes.conf"));
  ASSERT_TRUE(conf && conf->found());
  EXPECT_EQ(conf->found()->current_epoch, Epoch(3));
  ASSERT_TRUE(conf->save(text_of(5)));
  EXPECT_EQ(folder.files(), 1u);
}

// A writer that is killed at any moment leaves a whole text: the last that it knew to be saved, or
// the one that it was about to save.
TEST(NodesConf, SurvivesKillAtAnyMoment) {
  const Folder folder;
  const std::string path = folder.file("nodes.conf");
  uint64_t last = 0;
  for (int kill = 0; kill < 40; ++kill) {
    int saved[2];
    ASSERT_EQ(::pipe(saved), 0);
    const pid_t writer = ::fork();
    if (writer == 0) {
      Result<NodesConf> conf = NodesConf::open(path);
      if (!conf) ::_exit(1);
      for (uint64_t n = last + 1;; ++n) {
        if (!conf->save(text_of(n)) || ::write(saved[1], &n, sizeof n) != sizeof n) ::_exit(1);
      }
    }
    ::close(saved[1]);
    // After a different number of saves each time, somewhere within the next.
    uint64_t known = 0;
    for (int i = 0; i <= kill % 7; ++i) {
      ASSERT_EQ(::read(saved[0], &known, sizeof known), static_cast<ssize_t>(sizeof known));
    }
    ::usleep(static_cast<useconds_t>(kill * 37 % 400));
    ::kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(writer, &status, 0), writer);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer gave up";
    for (uint64_t n = 0; ::read(saved[0], &n, sizeof n) == sizeof n;) known = n;
    ::close(saved[0]);

    const Result<NodesConf> conf = NodesConf::open(path);
    ASSERT_TRUE(conf) << conf.error().message();
    ASSERT_TRUE(conf->found());
    last = conf->found()->current_epoch.value;
    ASSERT_GE(last, known);
    ASSERT_LE(last, known + 1);
    ASSERT_EQ(folder.read("nodes.conf"), text_of(last));
  }
}

}  // namespace
}  // namespace redan
