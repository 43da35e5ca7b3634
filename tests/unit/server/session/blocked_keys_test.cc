#include "server/session/blocked_keys.h"

#include <gtest/gtest.h>

#include <array>

namespace redan {
namespace {

using Places = std::vector<BlockedKeys::Place>;

class BlockedKeysTest : public testing::Test {
 protected:
  static constexpr Instant kStart{Seconds(1000)};

  void block(size_t who, std::vector<std::string_view> keys, std::optional<Instant> deadline = {},
             bool also_gone = false, int db = 0) {
    BlockedKeys::Wait wait;
    wait.session = &sessions[who];
    wait.request = {"request", std::to_string(who)};
    wait.db = db;
    wait.deadline = deadline;
    wait.also_gone = also_gone;
    book.add(std::move(wait), keys);
  }
  std::vector<size_t> waiting(int db, std::string key) {
    std::vector<size_t> order;
    book.for_each_waiting({db, std::move(key)}, [&](BlockedKeys::Wait& wait, bool) {
      order.push_back(static_cast<size_t>(wait.session - sessions.data()));
      return true;
    });
    return order;
  }

  std::array<Session, 4> sessions;
  BlockedKeys book;
};

TEST_F(BlockedKeysTest, WhoWaitsLongestForAKeyComesFirst) {
  block(2, {"a", "b"});
  block(0, {"b"});
  block(1, {"b", "a"});
  EXPECT_EQ(waiting(0, "b"), (std::vector<size_t>{2, 0, 1}));
  EXPECT_EQ(waiting(0, "a"), (std::vector<size_t>{2, 1}));
  EXPECT_EQ(waiting(1, "a"), (std::vector<size_t>{}));  // Another database.
  book.forget(sessions[2]);
  block(2, {"b"});
  EXPECT_EQ(waiting(0, "b"), (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(book.find(sessions[0])->request, (std::vector<std::string>{"request", "0"}));
}

TEST_F(BlockedKeysTest, OnlyKeysThatAreWaitedForAreNoted) {
  block(0, {"a", "b"});
  book.key_changed(0, "other");
  book.key_changed(1, "a");
  EXPECT_FALSE(book.any_changed());
  book.key_changed(0, "b");
  book.key_changed(0, "a");
  book.key_changed(0, "b");
  EXPECT_EQ(book.take_changed(), (Places{{0, "b"}, {0, "a"}}));  // Once each, in order.
  EXPECT_FALSE(book.any_changed());
  book.key_changed(0, "b");
  EXPECT_EQ(book.take_changed(), (Places{{0, "b"}}));
}

TEST_F(BlockedKeysTest, ADatabaseChangesAsAWhole) {
  block(0, {"a"});
  block(1, {"a"}, {}, false, 1);
  book.database_changed(1);
  EXPECT_EQ(book.take_changed(), (Places{{1, "a"}}));
  book.database_changed(-1);
  EXPECT_EQ(book.take_changed().size(), 2u);
}

TEST_F(BlockedKeysTest, WhoIsServedWhileTheOthersAreGoneThroughLeaves) {
  for (size_t who = 0; who < 3; ++who) block(who, {"a"});
  std::vector<const Session*> served;
  book.for_each_waiting({0, "a"}, [&](BlockedKeys::Wait& wait, bool) {
    served.push_back(wait.session);
    book.forget(*wait.session);
    return served.size() < 2;
  });
  EXPECT_EQ(served, (std::vector<const Session*>{&sessions[0], &sessions[1]}));
  EXPECT_EQ(waiting(0, "a"), (std::vector<size_t>{2}));
  // Also all of them, and their line with them.
  book.for_each_waiting({0, "a"}, [&](BlockedKeys::Wait& wait, bool) {
    book.forget(*wait.session);
    return true;
  });
  EXPECT_TRUE(book.empty());
  EXPECT_EQ(book.keys(), 0u);
}

TEST_F(BlockedKeysTest, AKeyNamedTwiceCountsOnce) {
  block(0, {"a", "a", "b", "a"}, {}, true);
  EXPECT_EQ(waiting(0, "a"), (std::vector<size_t>{0}));
  EXPECT_EQ(book.keys(), 2u);
  EXPECT_EQ(book.keys_also_gone(), 2u);
  book.forget(sessions[0]);
  EXPECT_EQ(book.keys(), 0u);
  EXPECT_EQ(book.keys_also_gone(), 0u);
}

TEST_F(BlockedKeysTest, TheEarliestDeadlineIsTheNext) {
  EXPECT_EQ(book.next_deadline(), std::nullopt);
  block(0, {"a"}, kStart + Seconds(2));
  block(1, {"a"}, kStart + Seconds(1));
  block(2, {"a"});
  block(3, {"a"}, kStart + Seconds(1));
  EXPECT_EQ(book.timed(), 3u);
  EXPECT_EQ(book.next_deadline(), kStart + Seconds(1));
  EXPECT_TRUE(book.due(kStart).empty());
  EXPECT_EQ(book.due(kStart + Seconds(1)), (std::vector<Session*>{&sessions[1], &sessions[3]}));
  book.forget(sessions[1]);
  book.forget(sessions[3]);
  EXPECT_EQ(book.next_deadline(), kStart + Seconds(2));
  book.forget(sessions[0]);
  EXPECT_EQ(book.next_deadline(), std::nullopt);
  EXPECT_EQ(book.sessions(), (std::vector<Session*>{&sessions[2]}));
}

}  // namespace
}  // namespace redan
