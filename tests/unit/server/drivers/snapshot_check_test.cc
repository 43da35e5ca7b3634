#include "server/drivers/snapshot_check.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/server/drivers/snapshot_fixture.h"
#include "tests/unit/server/persistence/recorded_files.h"

namespace redan {
namespace {

struct Checked {
  int code;
  std::string out;
};

Checked check(const std::vector<std::string_view>& args) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* out = open_memstream(&text, &size);
  const int code = check_rdb_main(args, out, out);
  std::fclose(out);
  Checked checked{code, std::string(text, size)};
  std::free(text);
  return checked;
}

Checked check_bytes(std::string_view bytes) {
  const Folder folder;
  folder.write("dump.rdb", bytes);
  return check({folder.file()});
}

bool has(const Checked& checked, std::string_view text) {
  return checked.out.find(text) != std::string::npos;
}

TEST(CheckRdb, AcceptsWhatRedisWrote) {
  const Checked strings = check_bytes(recorded::strings());
  EXPECT_EQ(strings.code, 0);
  EXPECT_TRUE(has(strings, "[offset 0] Checking RDB file "));
  EXPECT_TRUE(has(strings, "AUX FIELD redis-ver = '7.0.15'"));
  EXPECT_TRUE(has(strings, "Selecting DB ID 3"));
  EXPECT_TRUE(has(strings, "[offset 252] Checksum OK"));
  EXPECT_TRUE(has(strings, "\\o/ RDB looks OK! \\o/"));
  EXPECT_TRUE(has(strings, "[info] 13 keys read\n[info] 1 expires\n[info] 0 already expired\n"));
  const Checked types = check_bytes(recorded::types());
  EXPECT_EQ(types.code, 0);
  EXPECT_TRUE(has(types, "[info] 11 keys read"));
}

TEST(CheckRdb, NamesOffsetKeyAndTypeOfADamage) {
  std::string damaged = std::string(recorded::types().substr(0, 1000));
  Checked checked = check_bytes(damaged);
  EXPECT_EQ(checked.code, 1);
  EXPECT_TRUE(has(checked, "--- RDB ERROR DETECTED ---"));
  EXPECT_TRUE(has(checked, "[additional info] While doing: "));
  // A listpack hash whose size is wrong.
  checked = check_bytes(std::string_view("REDIS0010\x10\x01h\x07\x08\x00\x00\x00\x00\x00\xff", 20));
  EXPECT_EQ(checked.code, 1);
  EXPECT_TRUE(has(checked, "a listpack's size or end mark is wrong"));
  EXPECT_TRUE(has(checked, "[additional info] Reading key \"h\"\n"));
  EXPECT_TRUE(has(checked, "[additional info] Reading type 16 (hash-listpack)\n"));
}

TEST(CheckRdb, RefusesADamagedChecksum) {
  std::string damaged(recorded::strings());
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  const Checked checked = check_bytes(damaged);
  EXPECT_EQ(checked.code, 1);
  EXPECT_TRUE(has(checked, "the checksum does not fit"));
  EXPECT_TRUE(has(checked, "While doing: check-sum"));
}

TEST(CheckRdb, WantsOneFileThatCanBeRead) {
  EXPECT_EQ(check({}).code, 1);
  EXPECT_TRUE(has(check({}), "Usage: redis-check-rdb"));
  EXPECT_EQ(check({"a", "b"}).code, 1);
  const Folder folder;
  EXPECT_EQ(check({folder.file("none")}).code, 1);
  EXPECT_TRUE(has(check({folder.file("none")}), "No such file"));
  EXPECT_EQ(check({folder.path()}).code, 1);
}

// Debian's own tool reads what we save.
TEST(CheckRdb, RedisAcceptsWhatWeSave) {
  constexpr const char* kTool = "/usr/bin/redis-check-rdb";
  ASSERT_TRUE(std::filesystem::exists(kTool)) << "it comes with Debian's redis-tools";
  const Folder folder;
  Keyspace keyspace({.seed = 2});
  fill(keyspace, 2, 20'000);
  DataLoop loop;
  auto job = SnapshotJob::start({.keyspace = keyspace,
                                 .loop = loop,
                                 .output = SnapshotJob::FileOutput{.dir = folder.path()}});
  ASSERT_TRUE((*job)->finish_now().ok());
  const std::string command =
      std::string(kTool) + " " + folder.file() + " > " + folder.file("said") + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << folder.read("said");
  const std::string keys = "[info] " + std::to_string(keyspace.total_size()) + " keys read";
  EXPECT_NE(folder.read("said").find(keys), std::string::npos) << folder.read("said");
}

}  // namespace
}  // namespace redan
