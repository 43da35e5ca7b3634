#include "server/drivers/snapshot_driver.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "common/metrics/info_writer.h"
#include "tests/unit/server/drivers/snapshot_fixture.h"
#include "tests/unit/server/persistence/recorded_files.h"

namespace redan {
namespace {

struct Node {
  explicit Node(const KeyspaceOptions& options = {.seed = 1}) : keyspace(options) {
    config.dir = folder.path();
    config.save.clear();
  }
  Folder folder;
  ServerConfig config;
  Keyspace keyspace;
  DataLoop loop;
  SnapshotDriver driver{{.loop = loop, .keyspace = keyspace, .config = config, .origin = [] {
                           return SnapshotOrigin{std::string(40, 'r'), 77, 0};
                         }}};

  void wait() {
    run_until(loop, [this] { return !driver.in_progress(); });
  }
  std::string info() const {
    InfoWriter writer;
    driver.write_info(writer);
    return writer.take();
  }
  bool info_has(const std::string& line) const {
    return info().find(line + "\r\n") != std::string::npos;
  }
};

Result<void> load_all(SnapshotDriver& driver, bool is_replica = false) {
  if (Result<void> begun = driver.begin_loading(is_replica); !begun) return begun;
  for (;;) {
    const Result<bool> more = driver.load_some();
    if (!more) return more.error();
    if (!*more) return kOk;
  }
}

TEST(SnapshotDriver, SavesAndLoadsAtTheNextStart) {
  Node before;
  fill(before.keyspace, 1, 5000);
  ASSERT_TRUE(before.driver.save().ok());
  EXPECT_EQ(before.driver.changes_since_save(), 0);
  Node after;
  after.config.dir = before.folder.path();
  ASSERT_TRUE(load_all(after.driver, true).ok());
  EXPECT_EQ(contents(after.keyspace), contents(before.keyspace));
  EXPECT_EQ(after.driver.loaded().origin.replication_id, std::string(40, 'r'));
  EXPECT_EQ(after.driver.loaded().origin.offset, 77);
  EXPECT_FALSE(after.driver.loading());
  EXPECT_EQ(after.driver.changes_since_save(), 0);
}

// With a table for each slot, also the file of a node without, and the other way round.
TEST(SnapshotDriver, TablesOfSlotsAreSavedWhileTheyChangeAndLoadedAnywhere) {
  const KeyspaceOptions slots{.databases = 1, .seed = 3, .slots = true};
  Node before(slots);
  fill(before.keyspace, 1, 5000);
  const Contents at_mark = contents(before.keyspace);
  ASSERT_TRUE(before.driver.begin_background_save().ok());
  Rng rng(9);
  run_until(before.loop, [&] {
    for (int i = 0; i < 50; ++i) change_at_random(before.keyspace, rng, 0, 5000);
    before.keyspace.free_empty_tables();
    return !before.driver.in_progress();
  });
  EXPECT_NE(contents(before.keyspace), at_mark);
  before.keyspace.check_invariants();
  for (const KeyspaceOptions& options : {slots, KeyspaceOptions{.seed = 4}}) {
    Node after(options);
    after.config.dir = before.folder.path();
    ASSERT_TRUE(load_all(after.driver, true).ok());
    EXPECT_EQ(contents(after.keyspace), at_mark);
    after.keyspace.check_invariants();
    Node again(slots);
    again.config.dir = after.folder.path();
    after.config.dir = after.folder.path();
    ASSERT_TRUE(after.driver.save().ok());
    ASSERT_TRUE(load_all(again.driver, true).ok());
    EXPECT_EQ(contents(again.keyspace), at_mark);
  }
}

TEST(SnapshotDriver, ABackgroundSaveCountsOnlyTheChangesUpToItsMark) {
  Node node;
  node.keyspace.set_string(0, "a", "1");
  node.keyspace.set_string(0, "b", "1");
  EXPECT_EQ(node.driver.changes_since_save(), 2);
  ASSERT_TRUE(node.driver.begin_background_save().ok());
  node.keyspace.set_string(0, "c", "1");
  EXPECT_TRUE(node.info_has("rdb_bgsave_in_progress:1"));
  EXPECT_TRUE(node.info_has("current_save_keys_total:2"));
  node.wait();
  EXPECT_EQ(node.driver.changes_since_save(), 1);
  EXPECT_TRUE(node.info_has("rdb_bgsave_in_progress:0"));
  EXPECT_TRUE(node.info_has("rdb_saves:1"));
  EXPECT_EQ(load(node.folder.read())->size(), 2u);
}

TEST(SnapshotDriver, OneSnapshotAtATimeWithRedisWords) {
  Node node;
  fill(node.keyspace, 1, 1000);
  ASSERT_TRUE(node.driver.begin_background_save().ok());
  const Error busy("ERR", "Background save already in progress");
  EXPECT_EQ(node.driver.begin_background_save().error(), busy);
  EXPECT_EQ(node.driver.save().error(), busy);
  EXPECT_EQ(node.driver.reload({}).error(), busy);
  EXPECT_EQ(node.driver.start_stream({}).error(), busy);
  bool idle = false;
  node.driver.on_idle([&] { idle = true; });
  node.driver.schedule_background_save();
  node.wait();
  EXPECT_TRUE(idle);
  node.driver.cron();
  EXPECT_TRUE(node.driver.in_progress());
  node.wait();
  node.driver.cron();
  EXPECT_FALSE(node.driver.in_progress());
}

TEST(SnapshotDriver, SavePointsAskForTimeAndChanges) {
  Node node;
  node.config.save = {{.seconds = 0, .changes = 2}};
  node.driver.cron();
  EXPECT_FALSE(node.driver.in_progress());
  node.keyspace.set_string(0, "a", "1");
  node.keyspace.set_string(0, "b", "1");
  // The clock has to leave the second in which the driver was made.
  run_until(node.loop, [&] {
    node.driver.cron();
    return node.driver.in_progress();
  });
  node.wait();
  EXPECT_EQ(node.driver.changes_since_save(), 0);
  node.config.save = {{.seconds = 3600, .changes = 1}};
  node.keyspace.set_string(0, "a", "2");
  node.driver.cron();
  EXPECT_FALSE(node.driver.in_progress());
}

TEST(SnapshotDriver, AFailedSaveIsRememberedAndNotRepeatedAtOnce) {
  Node node;
  node.config.save = {{.seconds = 0, .changes = 0}};
  node.config.dir = node.folder.path() + "/none";
  ASSERT_TRUE(node.driver.begin_background_save().ok());
  node.wait();
  EXPECT_FALSE(node.driver.last_save_ok());
  EXPECT_TRUE(node.info_has("rdb_last_bgsave_status:err"));
  node.driver.cron();
  EXPECT_FALSE(node.driver.in_progress()) << "tried again within the delay";
  node.config.dir = node.folder.path();
  ASSERT_TRUE(node.driver.begin_background_save().ok());
  node.wait();
  EXPECT_TRUE(node.driver.last_save_ok());
}

TEST(SnapshotDriver, ReloadKeepsTheDataWhereTheFileIsBroken) {
  Node node;
  node.keyspace.set_string(2, "k", "v");
  ASSERT_TRUE(node.driver.save().ok());
  node.keyspace.set_string(2, "later", "v");
  const std::string good = node.folder.read();
  node.folder.write("dump.rdb", good.substr(0, good.size() - 9));
  const Contents before = contents(node.keyspace);
  EXPECT_FALSE(node.driver.reload({.save = false}).ok());
  EXPECT_EQ(contents(node.keyspace), before);
  node.folder.write("dump.rdb", good);
  EXPECT_FALSE(node.driver.reload({.save = false, .flush = false}).ok())
      << "k is in memory and in the file";
  ASSERT_TRUE(node.driver.reload({.save = false, .flush = false, .merge = true}).ok());
  EXPECT_EQ(contents(node.keyspace), before);
  ASSERT_TRUE(node.driver.reload({.save = false}).ok());
  EXPECT_EQ(contents(node.keyspace), *load(good));
  node.keyspace.erase(2, "k");
  node.keyspace.set_string(0, "mine", "1");
  ASSERT_TRUE(node.driver.reload({.save = false, .flush = false}).ok());
  EXPECT_EQ(contents(node.keyspace).size(), 2u);
  ASSERT_TRUE(node.driver.reload({}).ok());
  EXPECT_EQ(contents(node.keyspace).size(), 2u);
}

TEST(SnapshotDriver, ABrokenFileEndsTheStart) {
  Node node;
  node.folder.write("dump.rdb", recorded::strings().substr(0, 100));
  const Result<void> loaded = load_all(node.driver);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message().find("redis-check-rdb"), std::string::npos);
}

TEST(SnapshotDriver, AStartWithoutAFileSweepsUpAndLoadsNothing) {
  Node node;
  node.folder.write("temp-4711.rdb", "left behind");
  ASSERT_TRUE(load_all(node.driver).ok());
  EXPECT_EQ(node.folder.files(), 0u);
  EXPECT_EQ(node.keyspace.total_size(), 0u);
}

TEST(SnapshotDriver, NewDataEndsARunningSnapshot) {
  Node node;
  fill(node.keyspace, 1, 2000);
  ASSERT_TRUE(node.driver.begin_background_save().ok());
  node.driver.give_up_for_new_data();
  EXPECT_FALSE(node.keyspace.in_snapshot());
  EXPECT_TRUE(node.driver.last_save_ok());
  Keyspace other({});
  other.set_string(0, "new", "1");
  node.keyspace.swap_data(other);
  node.driver.cron();
  node.wait();
  EXPECT_EQ(load(node.folder.read())->size(), 1u);
  std::optional<Result<void>> outcome;
  ASSERT_TRUE(
      node.driver
          .start_stream({.on_chunk = [](auto) {},
                         .on_done = [&](Result<void> result) { outcome = std::move(result); }})
          .ok());
  node.driver.give_up_for_new_data();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_FALSE(outcome->ok());
}

TEST(SnapshotDriver, ShutdownGivesUpWhatRunsAndSavesAnew) {
  Node node;
  fill(node.keyspace, 1, 2000);
  ASSERT_TRUE(node.driver.begin_background_save().ok());
  node.keyspace.set_string(0, "last", "1");
  ASSERT_TRUE(node.driver.shut_down(true).ok());
  EXPECT_EQ(*load(node.folder.read()), contents(node.keyspace));
  EXPECT_EQ(node.folder.files(), 1u);
}

}  // namespace
}  // namespace redan
