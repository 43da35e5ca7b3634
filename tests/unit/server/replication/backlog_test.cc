#include "server/replication/backlog.h"

#include <gtest/gtest.h>

#include "common/base/rng.h"
#include "server/replication/history.h"

namespace redan {
namespace {

using Args = std::vector<std::string_view>;

std::string everything(const Backlog& backlog, int64_t from) {
  std::string bytes;
  for (;;) {
    const StreamPiece piece = backlog.read(from);
    if (piece.size == 0) return bytes;
    bytes += piece.bytes();
    from += static_cast<int64_t>(piece.size);
  }
}

TEST(Backlog, WithoutReplicasFeedingMovesNothing) {
  Backlog backlog(1 << 20);
  backlog.feed(0, Args{"SET", "a", "1"});
  EXPECT_EQ(backlog.offset(), 0);
  EXPECT_EQ(backlog.held_bytes(), 0);
  EXPECT_FALSE(backlog.can_resume_at(1));
}

TEST(Backlog, CommandsArePrecededBySelectWhereTheDatabaseChanges) {
  Backlog backlog(1 << 20);
  backlog.activate();
  backlog.feed(0, Args{"SET", "a", "1"});
  backlog.feed(0, Args{"DEL", "a"});
  backlog.feed_anywhere(Args{"PING"});
  backlog.feed(11, Args{"DEL", "b"});
  backlog.forget_db();
  backlog.feed(11, Args{"DEL", ""});
  EXPECT_EQ(everything(backlog, 1),
            "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
            "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n"
            "*2\r\n$6\r\nSELECT\r\n$2\r\n11\r\n*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n"
            "*2\r\n$6\r\nSELECT\r\n$2\r\n11\r\n*2\r\n$3\r\nDEL\r\n$0\r\n\r\n");
  EXPECT_EQ(backlog.stream_db(), 11);
}

TEST(Backlog, OffsetsCountFromOne) {
  Backlog backlog(1 << 20);
  backlog.activate();
  EXPECT_EQ(backlog.first_byte(), 1);
  EXPECT_TRUE(backlog.can_resume_at(1));
  EXPECT_FALSE(backlog.can_resume_at(0));
  EXPECT_FALSE(backlog.can_resume_at(2));
  backlog.feed_verbatim("abc");
  EXPECT_EQ(backlog.offset(), 3);
  EXPECT_EQ(backlog.held_bytes(), 3);
  EXPECT_EQ(backlog.read(3).bytes(), "c");
  EXPECT_TRUE(backlog.can_resume_at(4));
  EXPECT_FALSE(backlog.can_resume_at(5));
  backlog.jump_to(100);
  EXPECT_EQ(backlog.first_byte(), 101);
  EXPECT_FALSE(backlog.can_resume_at(100));
  EXPECT_TRUE(backlog.can_resume_at(101));
}

// A large value crosses blocks; a shared block never changes once it is sealed.
TEST(Backlog, ASealedPieceKeepsItsBytesAfterItsBlockWasDropped) {
  Backlog backlog(16 * 1024);
  backlog.activate();
  const std::string value(100'000, 'x');
  backlog.feed(0, Args{"SET", "k", value});
  const StreamPiece piece = backlog.read(backlog.first_byte());
  ASSERT_TRUE(piece.sealed);
  const std::string before(piece.bytes());
  for (int i = 0; i < 20; ++i) backlog.feed(0, Args{"SET", "k", std::string(9'000, 'y')});
  EXPECT_EQ(piece.bytes(), before);
  EXPECT_GT(backlog.first_byte(), 100'000);
}

// All bytes ever fed are remembered by the model; the backlog must show exactly their end.
TEST(Backlog, AgreesWithAModelThatForgetsNothing) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Rng rng(seed);
    const int64_t size = rng.between(1, 200'000);
    Backlog backlog(size);
    std::string model;  // byte n is model[n - 1]
    std::string pending;
    int64_t pinned = Backlog::kNobody;
    backlog.activate();
    for (int step = 0; step < 300; ++step) {
      const int64_t before = backlog.offset();
      switch (rng.below(4)) {
        case 0: {
          const std::string value(rng.below(rng.chance(0.05) ? 100'000 : 300), 'a' + step % 26);
          const std::string key = std::to_string(rng.next());
          backlog.feed(0, Args{"SET", key, value});
          if (model.empty() || pending == "select") model += "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
          pending.clear();
          model += "*3\r\n$3\r\nSET\r\n$" + std::to_string(key.size()) + "\r\n" + key + "\r\n$" +
                   std::to_string(value.size()) + "\r\n" + value + "\r\n";
          break;
        }
        case 1: {
          if (model.empty()) break;
          const std::string raw(rng.below(5000), 'A' + step % 26);
          backlog.feed_verbatim(raw);
          model += raw;
          break;
        }
        case 2:
          pinned = rng.chance(0.5) ? Backlog::kNobody
                                   : rng.between(backlog.first_byte(), backlog.offset() + 1);
          backlog.keep_from(pinned);
          break;
        default:
          if (model.empty()) break;
          backlog.forget_db();
          pending = "select";
      }
      backlog.check_invariants();
      ASSERT_EQ(backlog.offset(), static_cast<int64_t>(model.size()));
      ASSERT_GE(backlog.offset(), before);
      ASSERT_GE(backlog.held_bytes(), std::min(backlog.offset(), size));
      ASSERT_LE(backlog.first_byte(), pinned);
      if (pinned == Backlog::kNobody) {
        ASSERT_LE(backlog.held_bytes(), size + 65'536 * 2);
      }
      const int64_t from = rng.between(backlog.first_byte(), backlog.offset() + 1);
      ASSERT_EQ(everything(backlog, from), model.substr(static_cast<size_t>(from - 1)));
    }
  }
}

// The rule said in another way: the replica holds bytes 1..wanted-1 of the history it names. It may
// go on exactly if all of those are ours too and all behind them are here.
TEST(History, JudgesEveryPsyncAroundEachBoundary) {
  const std::string a(40, 'a');
  const std::string b(40, 'b');
  const std::string c(40, 'c');
  for (int64_t branch = 0; branch <= 6; ++branch) {
    for (int64_t first = 1; first <= 6; ++first) {
      for (int64_t end = first - 1; end <= 7; ++end) {
        if (branch > end) continue;
        History history(a);
        history.branch(b, branch);
        EXPECT_EQ(history.previous_until(), branch + 1);
        Backlog backlog(1 << 20);
        backlog.activate();
        backlog.jump_to(first - 1);
        backlog.feed_verbatim(std::string(static_cast<size_t>(end - first + 1), 'x'));
        for (int64_t wanted = -2; wanted <= 10; ++wanted) {
          const int64_t has = wanted - 1;
          const bool behind_is_here = wanted >= first && has <= end;
          EXPECT_EQ(history.judge(b, wanted, backlog) == SyncVerdict::kContinue, behind_is_here);
          EXPECT_EQ(history.judge(a, wanted, backlog) == SyncVerdict::kContinue,
                    behind_is_here && has <= branch)
              << branch << " " << first << " " << end << " " << wanted;
          EXPECT_EQ(history.judge(c, wanted, backlog), SyncVerdict::kUnknownHistory);
          EXPECT_EQ(history.judge("?", wanted, backlog), SyncVerdict::kUnknownHistory);
        }
      }
    }
  }
}

TEST(History, NamesTheReasonOfAFullSync) {
  const std::string a(40, 'a');
  const std::string b(40, 'b');
  History history(a);
  Backlog backlog(1 << 20);
  EXPECT_EQ(history.judge(a, 1, backlog), SyncVerdict::kNoBacklog);
  backlog.jump_to(10);
  backlog.activate();
  backlog.feed_verbatim("0123456789");  // 11..20
  EXPECT_EQ(history.judge(a, 10, backlog), SyncVerdict::kTooOld);
  EXPECT_EQ(history.judge(a, 11, backlog), SyncVerdict::kContinue);
  EXPECT_EQ(history.judge(a, 21, backlog), SyncVerdict::kContinue);
  EXPECT_EQ(history.judge(a, 22, backlog), SyncVerdict::kTooNew);
  EXPECT_EQ(history.judge(History::no_id(), 21, backlog), SyncVerdict::kUnknownHistory);
  history.branch(b, 15);
  EXPECT_EQ(history.judge(a, 16, backlog), SyncVerdict::kContinue);
  EXPECT_EQ(history.judge(a, 17, backlog), SyncVerdict::kBranchedOff);
  EXPECT_EQ(history.judge(std::string(40, 'A'), 16, backlog), SyncVerdict::kContinue);
  history.replace(a);
  EXPECT_EQ(history.judge(b, 16, backlog), SyncVerdict::kUnknownHistory);
  EXPECT_EQ(history.judge(History::no_id(), 0, backlog), SyncVerdict::kUnknownHistory);
}

TEST(History, KnowsAnIdWhenItSeesOne) {
  EXPECT_TRUE(History::well_formed(std::string(40, 'f')));
  EXPECT_FALSE(History::well_formed(std::string(39, 'f')));
  EXPECT_FALSE(History::well_formed(std::string(41, 'f')));
  EXPECT_FALSE(History::well_formed(std::string(39, 'f') + "g"));
}

}  // namespace
}  // namespace redan
