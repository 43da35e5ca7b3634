#include "server/drivers/snapshot_loader.h"

#include <gtest/gtest.h>

#include <string>

#include "server/persistence/rdb_writer.h"
#include "tests/unit/server/drivers/snapshot_fixture.h"
#include "tests/unit/server/persistence/recorded_files.h"

namespace redan {
namespace {

std::string small_file(int db = 0) {
  RdbWriter writer({});
  writer.header();
  writer.aux("repl-id", std::string(40, 'a'));
  writer.aux("repl-offset", 1234);
  writer.select_db(db);
  writer.resize_db(3, 1);
  writer.string_key("old", {.expires_unix_ms = 1000}, "gone");
  writer.string_key("young", {.expires_unix_ms = 5000}, "stays");
  writer.integer_key("n", {.idle_s = 3}, 42);
  writer.end();
  return std::string(writer.pending());
}

Result<Contents> load_into(Keyspace& keyspace, std::string_view bytes,
                           SnapshotLoader::Options options, SnapshotFacts* facts = nullptr) {
  SnapshotLoader loader(keyspace, options);
  const Result<size_t> taken = loader.feed(bytes);
  if (!taken) return taken.error();
  if (facts != nullptr) *facts = loader.facts();
  return contents(keyspace);
}

TEST(SnapshotLoader, LoadsWhatRedisWrote) {
  const Result<Contents> loaded = load(recorded::strings());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->size(), 13u);
  EXPECT_EQ(loaded->at({0, "n"}).first, "12345");
  EXPECT_EQ(loaded->at({0, ""}).first, "emptykey");
  EXPECT_EQ(loaded->at({3, "bin"}).first, "\xff\xfe");
}

TEST(SnapshotLoader, APrimaryDropsWhatHasExpiredAReplicaKeepsIt) {
  SnapshotFacts facts;
  Keyspace primary({});
  const auto kept = load_into(primary, small_file(), {.now = from_unix_ms(2000)}, &facts);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->count({0, "old"}), 0u);
  EXPECT_EQ(kept->at({0, "young"}), (std::pair<std::string, int64_t>("stays", 5000)));
  EXPECT_EQ(facts.keys_loaded, 2u);
  EXPECT_EQ(facts.keys_expired, 1u);
  EXPECT_EQ(facts.origin.replication_id, std::string(40, 'a'));
  EXPECT_EQ(facts.origin.offset, 1234);
  Keyspace replica({});
  EXPECT_EQ(load_into(replica, small_file(), {.now = from_unix_ms(2000), .drop_expired = false})
                ->count({0, "old"}),
            1u);
}

TEST(SnapshotLoader, RefusesDatabasesThatAreNotConfigured) {
  Keyspace keyspace({});
  const auto loaded = load_into(keyspace, small_file(16), {});
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message().find("raise 'databases'"), std::string::npos);
}

TEST(SnapshotLoader, ANodeOfAClusterHasOneDatabase) {
  Keyspace keyspace({.databases = 1, .slots = true});
  EXPECT_TRUE(load_into(keyspace, small_file(0), {}).ok());
  Keyspace other({.databases = 1, .slots = true});
  const auto loaded = load_into(other, small_file(3), {});
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message().find("keys of database 3"), std::string::npos);
}

TEST(SnapshotLoader, RefusesTheSameKeyTwice) {
  RdbWriter writer({});
  writer.header();
  writer.string_key("k", {}, "1");
  writer.string_key("k", {}, "2");
  writer.end();
  const auto loaded = load(writer.pending());
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message().find("\"k\""), std::string::npos);
}

TEST(SnapshotLoader, NamesKeyTypeAndPlaceOfAValueItCannotKeep) {
  const auto loaded = load("REDIS0010\xfe\x02\x07\x01m\x01\x01v");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(
      loaded.error().message(),
      "the key \"m\" of database 2 holds a module (module-value), and this version of Redan does "
      "not keep such values (offset 11)");
  EXPECT_NE(load(recorded::types()).error().message().find("function libraries"),
            std::string::npos);
}

// A primary may announce anything: room is made only for what can come.
TEST(SnapshotLoader, AHugeAnnouncementCostsNothing) {
  RdbWriter writer({});
  writer.header();
  writer.select_db(0);
  writer.resize_db(UINT64_MAX, 0);
  writer.string_key("k", {}, "v");
  writer.end();
  EXPECT_EQ(load(writer.pending())->size(), 1u);
}

TEST(SnapshotFileLoader, LoadsInSteps) {
  const Folder folder;
  RdbWriter writer({.compress = false});
  writer.header();
  for (int i = 0; i < 3000; ++i) {
    writer.string_key(std::to_string(i), {}, std::string(1000, 'v'));
  }
  writer.end();
  folder.write("dump.rdb", writer.pending());
  Keyspace keyspace({});
  auto file = SnapshotFileLoader::open(folder.file(), keyspace, {});
  ASSERT_TRUE(file.ok());
  int steps = 0;
  for (;;) {
    const Result<bool> more = (*file)->load_some(300'000);
    ASSERT_TRUE(more.ok());
    if (!*more) break;
    ++steps;
  }
  EXPECT_GE(steps, 5);
  EXPECT_EQ((*file)->loaded_bytes(), writer.pending().size());
  EXPECT_EQ(keyspace.size(0), 3000u);
}

TEST(SnapshotFileLoader, AMissingFileIsNoErrorABrokenOneIs) {
  const Folder folder;
  Keyspace keyspace({});
  EXPECT_FALSE((*SnapshotFileLoader::open(folder.file(), keyspace, {}))->exists());
  EXPECT_FALSE(SnapshotFileLoader::open(folder.path(), keyspace, {}).ok());
  const std::string whole = small_file();
  for (size_t size = 0; size < whole.size(); ++size) {
    folder.write("dump.rdb", whole.substr(0, size));
    Keyspace fresh({});
    auto file = SnapshotFileLoader::open(folder.file(), fresh, {});
    ASSERT_TRUE(file.ok());
    const Result<bool> more = (*file)->load_some(SIZE_MAX);
    ASSERT_FALSE(more.ok());
    const std::string& says = more.error().message();
    EXPECT_NE(says.find(folder.file()), std::string::npos);
    EXPECT_NE(says.find("(offset "), std::string::npos);
    EXPECT_NE(says.find("redis-check-rdb"), std::string::npos);
  }
}

}  // namespace
}  // namespace redan
