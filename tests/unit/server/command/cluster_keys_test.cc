// Commands on a node whose keyspace has a table for each slot.
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

class ClusterKeys : public CommandTest {
 protected:
  ClusterKeys() : CommandTest({.databases = 1, .seed = 1, .slots = true}) {}
};

TEST_F(ClusterKeys, ThereIsOneDatabase) {
  EXPECT_EQ(run("SELECT 0"), "+OK|");
  EXPECT_EQ(run("SELECT 1"), "-ERR SELECT is not allowed in cluster mode|");
  EXPECT_EQ(run("SELECT x"), "-ERR value is not an integer or out of range|");
  EXPECT_EQ(run("SWAPDB 0 0"), "-ERR SWAPDB is not allowed in cluster mode|");
  EXPECT_EQ(run("MOVE k 1"), "-ERR MOVE is not allowed in cluster mode|");
  run("SET {k}1 v");
  EXPECT_EQ(run("COPY {k}1 {k}2 DB 1"),
            "-ERR Copying to another database is not allowed in cluster mode|");
  EXPECT_EQ(run("COPY {k}1 {k}2 DB 0"), ":1|");
  EXPECT_EQ(run("GET {k}2"), "$1|v|");
}

TEST_F(ClusterKeys, SortNamesNoOtherKeys) {
  EXPECT_EQ(run("SORT k BY w_*"), "-ERR BY option of SORT denied in cluster mode.|");
  EXPECT_EQ(run("SORT k GET #"), "-ERR GET option of SORT denied in cluster mode.|");
  EXPECT_EQ(run("SORT k BY nosort"), "*0|");
}

TEST_F(ClusterKeys, CommandsOverAllKeysSeeEverySlot) {
  std::set<std::string> names;
  for (int i = 0; i < 300; ++i) {
    names.insert("k" + std::to_string(i));
    run("SET k" + std::to_string(i) + " v");
  }
  EXPECT_EQ(run("DBSIZE"), ":300|");
  EXPECT_EQ(run("KEYS k1?").substr(0, 4), "*10|");
  std::set<std::string> seen;
  uint64_t cursor = 0;
  do {
    cursor = keyspace.scan(0, cursor, [&](const Entry& e) { seen.emplace(e.key()); });
  } while (cursor != 0);
  EXPECT_EQ(seen, names);
  EXPECT_EQ(run("RENAME k1 k2"), "+OK|");
  EXPECT_EQ(run("DEL k2 k3 k4"), ":3|");
  EXPECT_EQ(run("DBSIZE"), ":296|");
  EXPECT_EQ(run("FLUSHALL"), "+OK|");
  EXPECT_EQ(run("RANDOMKEY"), "$-1|");
  keyspace.check_invariants();
}

}  // namespace
}  // namespace redan
