#include "server/drivers/snapshot_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/unit/server/drivers/snapshot_fixture.h"

namespace redan {
namespace {

using Step = SnapshotFile::Step;

Result<void> replace(const Folder& folder, std::string_view content,
                     SnapshotFile::StepHook hook = {}) {
  SnapshotFile file({folder.path(), "dump.rdb"}, std::move(hook));
  if (Result<void> r = file.create(); !r) return r;
  if (Result<void> r = file.write(content); !r) return r;
  return file.commit();
}

// Runs `body` in a process of its own and answers its exit code.
template <class Body>
int in_a_process(Body&& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(SnapshotFile, ReplacesTheOldContent) {
  const Folder folder;
  folder.write("dump.rdb", "old");
  ASSERT_TRUE(replace(folder, "new").ok());
  EXPECT_EQ(folder.read(), "new");
  EXPECT_EQ(folder.files(), 1u);
}

TEST(SnapshotFile, ACrashAtAnyStepLeavesTheOldOrTheNewContent) {
  for (const Step step : {Step::kCreate, Step::kWrite, Step::kSyncFile, Step::kRename,
                          Step::kSyncFolder, Step::kDone}) {
    const Folder folder;
    folder.write("dump.rdb", "old");
    const int code = in_a_process([&] {
      static_cast<void>(replace(folder, "new", [&](Step now) {
        if (now == step) _exit(77);
      }));
      return 0;
    });
    ASSERT_EQ(code, 77);
    EXPECT_EQ(folder.read(), step <= Step::kRename ? "old" : "new") << static_cast<int>(step);
    // The next start sweeps up what the crash left, and nothing else.
    folder.write("temp-x.rdb", "somebody's");
    const bool left = step > Step::kCreate && step <= Step::kRename;
    EXPECT_EQ(remove_snapshot_leftovers(folder.path()), left ? 1 : 0);
    EXPECT_EQ(folder.files(), 2u);
  }
}

TEST(SnapshotFile, AnUnwritableFolderIsNamedWithARemedy) {
  const Folder folder;
  const Result<void> none = [&] {
    SnapshotFile file({folder.path() + "/none", "dump.rdb"});
    return file.create();
  }();
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message().find(folder.path() + "/none"), std::string::npos);
  EXPECT_NE(none.error().message().find("set 'dir'"), std::string::npos);
}

// A limit on the file's size stands for a full disk: the write fails in its middle.
TEST(SnapshotFile, AFailedWriteKeepsTheOldContentAndLeavesNoRest) {
  const Folder folder;
  folder.write("dump.rdb", "old");
  const int code = in_a_process([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 100'000, .rlim_max = 100'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const Result<void> result = replace(folder, std::string(200'000, 'n'));
    return result.ok() ? 2 : 42;
  });
  EXPECT_EQ(code, 42);
  EXPECT_EQ(folder.read(), "old");
  EXPECT_EQ(folder.files(), 1u);
}

}  // namespace
}  // namespace redan
