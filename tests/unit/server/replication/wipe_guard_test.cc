// A replica keeps its data from a primary that lost its own (reliability.md G5).
#include "server/replication/wipe_guard.h"

#include <gtest/gtest.h>

#include "server/replication/link_machine.h"

namespace redan {
namespace {

using namespace link_effect;
using Verdict = WipeGuard::Verdict;
using State = LinkMachine::State;

const std::string kOther(40, 'b');
constexpr WipeGuard::Held kHeld{.offset = 1000, .keys = 5};

WipeGuard vouched() {
  WipeGuard guard;
  guard.follow();
  guard.online();
  return guard;
}

WipeGuard::Offer offer(int64_t offset, bool empty = true) {
  return {.id = kOther, .offset = offset, .same_history = false, .known_empty = empty};
}

TEST(WipeGuard, OnlyWhatComesBackEmptyFromThePrimaryWeHadIsSuspicious) {
  EXPECT_EQ(vouched().judge(WipeRule::kEmpty, kHeld, offer(999)), Verdict::kAskRole);
  EXPECT_EQ(vouched().judge(WipeRule::kEmpty, kHeld, offer(0)), Verdict::kAskRole);
  EXPECT_EQ(vouched().judge(WipeRule::kEmpty, kHeld, offer(5000)), Verdict::kAskRole);
  EXPECT_EQ(vouched().judge(WipeRule::kEmpty, {.offset = 1000, .keys = 0}, offer(0)),
            Verdict::kAccept);
  WipeGuard told;  // REPLICAOF, and never online since.
  told.follow();
  EXPECT_EQ(told.judge(WipeRule::kShorter, kHeld, offer(0)), Verdict::kAccept);
  WipeGuard::Offer same = offer(0);
  same.same_history = true;
  EXPECT_EQ(vouched().judge(WipeRule::kEmpty, kHeld, same), Verdict::kAccept);
}

TEST(WipeGuard, TheRuleSaysHowMuchIsTooLittle) {
  EXPECT_EQ(vouched().judge(WipeRule::kNever, kHeld, offer(0)), Verdict::kAccept);
  EXPECT_EQ(vouched().judge(WipeRule::kEmpty, kHeld, offer(0, false)), Verdict::kAccept);
  EXPECT_EQ(vouched().judge(WipeRule::kShorter, kHeld, offer(999, false)), Verdict::kAskRole);
  EXPECT_EQ(vouched().judge(WipeRule::kShorter, kHeld, offer(1000, false)), Verdict::kAccept);
  EXPECT_EQ(vouched().judge(WipeRule::kShorter, kHeld, offer(1000, true)), Verdict::kAskRole);
}

TEST(WipeGuard, TheRoleDecidesAndARefusalLasts) {
  WipeGuard chain = vouched();
  ASSERT_EQ(chain.judge(WipeRule::kEmpty, kHeld, offer(0)), Verdict::kAskRole);
  chain.answered(true);
  EXPECT_EQ(chain.judge(WipeRule::kEmpty, kHeld, offer(0)), Verdict::kAccept);
  EXPECT_EQ(chain.refused(), "");

  WipeGuard guard = vouched();
  ASSERT_EQ(guard.judge(WipeRule::kEmpty, kHeld, offer(0)), Verdict::kAskRole);
  guard.answered(false);
  EXPECT_EQ(guard.judge(WipeRule::kEmpty, kHeld, offer(0)), Verdict::kRefuse);
  // Grown beyond us, with some keys: still the one that lost ours.
  EXPECT_EQ(guard.judge(WipeRule::kEmpty, kHeld, offer(5000, false)), Verdict::kRefuse);
  EXPECT_EQ(guard.refused(), kOther);
  // Restarted once more: asked once more.
  WipeGuard::Offer third = offer(0);
  const std::string other_id(40, 'c');
  third.id = other_id;
  EXPECT_EQ(guard.judge(WipeRule::kEmpty, kHeld, third), Verdict::kAskRole);
  guard.follow();
  EXPECT_EQ(guard.judge(WipeRule::kEmpty, kHeld, offer(0)), Verdict::kAccept);
}

// --- in the handshake ---

class EmptiedPrimary : public testing::Test {
 protected:
  void SetUp() override {
    link.follow(now, {.host = "h", .port = 1, .refuse_wipe = rule}, StreamPosition{kOurs, 41},
                false, out);
    greet();
    receive("+CONTINUE\r\n");
    ASSERT_EQ(link.state(), State::kOnline);
    link.holds(3);
    link.set_position(StreamPosition{kOurs, 1000});
    link.disconnected(now, "reset", out);  // Dials at once.
    out.clear();
  }
  void greet() {
    link.connected(now, out);
    receive("+PONG\r\n+OK\r\n+OK\r\n+OK\r\n");
  }
  void receive(std::string_view bytes) { link.receive(now, bytes, out); }
  std::string sent() {
    std::string all;
    for (const LinkEffect& effect : out) {
      if (const auto* e = std::get_if<Send>(&effect)) all += e->bytes;
    }
    return all;
  }
  std::string warned() {
    std::string all;
    for (const LinkEffect& effect : out) {
      const auto* e = std::get_if<Note>(&effect);
      if (e != nullptr && e->level == Note::Level::kWarning) all += e->text;
    }
    return all;
  }
  bool hung_up() {
    for (const LinkEffect& effect : out) {
      if (std::get_if<HangUp>(&effect)) return true;
    }
    return false;
  }
  // The emptied primary's full sync, up to our judgement.
  void full_sync() {
    greet();
    receive("+FULLRESYNC " + kOther + " 0\r\n$5\r\nEMPTY");
    ASSERT_EQ(link.state(), State::kLoading);
    out.clear();
  }

  const WipeRule rule = WipeRule::kEmpty;
  const std::string kOurs = std::string(40, 'a');
  Instant now = Instant(Seconds(1000));
  LinkMachine link;
  LinkOut out;
};

TEST_F(EmptiedPrimary, IsAskedForItsRoleThenRefusedAndAskedAgainLater) {
  full_sync();
  EXPECT_FALSE(link.may_replace(now, 0, out));
  EXPECT_TRUE(hung_up());
  EXPECT_EQ(link.state(), State::kDialling);  // At once.
  EXPECT_FALSE(link.refuses());
  out.clear();
  greet();
  EXPECT_NE(sent().find("ROLE"), std::string::npos);
  EXPECT_EQ(sent().find("PSYNC"), std::string::npos);
  out.clear();
  receive("*3\r\n$6\r\nmas");
  EXPECT_EQ(link.state(), State::kRole);
  receive("ter\r\n:0\r\n*0\r\n");
  EXPECT_TRUE(hung_up());
  full_sync();
  EXPECT_FALSE(link.may_replace(now, 0, out));
  EXPECT_TRUE(link.refuses());
  EXPECT_NE(warned().find("REPLICAOF NO ONE"), std::string::npos) << warned();
  EXPECT_EQ(link.state(), State::kIdle);
  out.clear();
  now += Seconds(4);
  link.tick(now, 1000, -1, out);
  EXPECT_EQ(link.state(), State::kIdle);
  now += Seconds(1);
  link.tick(now, 1000, -1, out);
  EXPECT_EQ(link.state(), State::kDialling);
  // It has grown; the history is known as the one that lost ours.
  greet();
  out.clear();
  receive("+FULLRESYNC " + kOther + " 9999\r\n");
  EXPECT_TRUE(hung_up());
  EXPECT_EQ(link.state(), State::kIdle);
}

TEST_F(EmptiedPrimary, ThatIsAReplicaItselfIsBelieved) {
  full_sync();
  EXPECT_FALSE(link.may_replace(now, 0, out));
  greet();
  receive("*5\r\n$5\r\nslave\r\n");
  full_sync();
  EXPECT_TRUE(link.may_replace(now, 0, out));
  link.loaded(now, out);
  EXPECT_EQ(link.state(), State::kOnline);
}

TEST_F(EmptiedPrimary, ThatMayNotTellItsRoleIsRefused) {
  full_sync();
  EXPECT_FALSE(link.may_replace(now, 0, out));
  greet();
  receive("-NOPERM this user has no permissions to run the 'role' command\r\n");
  full_sync();
  EXPECT_FALSE(link.may_replace(now, 0, out));
  EXPECT_TRUE(link.refuses());
}

TEST_F(EmptiedPrimary, IsFollowedWhereAnOperatorSaysSo) {
  full_sync();
  EXPECT_FALSE(link.may_replace(now, 0, out));
  link.follow(now, {.host = "h", .port = 1}, StreamPosition{kOurs, 1000}, false, out);
  EXPECT_FALSE(link.refuses());
  full_sync();
  EXPECT_TRUE(link.may_replace(now, 0, out));
}

TEST_F(EmptiedPrimary, ThatIsAClusterMemberAtANewAddressIsStillTheOneWeHad) {
  const std::string member(40, 'c'), another(40, 'd');
  const auto moved_to = [&](int port, const std::string& whom) {
    LinkSettings settings = link.settings();
    settings.port = port;
    settings.member = whom;
    return settings;
  };
  full_sync();
  EXPECT_FALSE(link.may_replace(now, 0, out));  // Its role?
  link.configure(moved_to(1, member));
  link.follow(now, moved_to(2, member), StreamPosition{kOurs, 1000}, false, out);
  const std::string itself = "$40\r\n" + member + "\r\n";
  const auto sync = [&] {
    greet();
    receive(itself + "+FULLRESYNC " + kOther + " 0\r\n$5\r\nEMPTY");
    ASSERT_EQ(link.state(), State::kLoading);
    EXPECT_FALSE(link.may_replace(now, 0, out));
  };
  sync();
  greet();
  receive(itself + "*3\r\n$6\r\nmaster\r\n");
  sync();
  EXPECT_TRUE(link.refuses());
  link.follow(now, moved_to(3, another), StreamPosition{kOurs, 1000}, false, out);
  EXPECT_FALSE(link.refuses());
}

TEST_F(EmptiedPrimary, IsFollowedWhereTheRuleSaysSo) {
  full_sync();
  LinkSettings settings = link.settings();
  settings.refuse_wipe = WipeRule::kNever;
  link.configure(settings);
  EXPECT_TRUE(link.may_replace(now, 0, out));
}

TEST_F(EmptiedPrimary, WithSomeKeysIsRefusedBeforeTheTransferIfTheRuleIsStrict) {
  full_sync();
  EXPECT_TRUE(link.may_replace(now, 1, out));  // Not empty.
  LinkSettings settings = link.settings();
  settings.refuse_wipe = WipeRule::kShorter;
  link.configure(settings);
  link.disconnected(now, "reset", out);
  now += Seconds(1);
  link.tick(now, 1000, -1, out);
  greet();
  receive("+FULLRESYNC " + kOther + " 999\r\n");
  EXPECT_EQ(link.state(), State::kDialling);  // To ask.
  greet();
  receive("*3\r\n$6\r\nmaster\r\n");
  greet();
  receive("+FULLRESYNC " + kOther + " 999\r\n");
  EXPECT_TRUE(link.refuses());
  EXPECT_EQ(link.state(), State::kIdle);
}

}  // namespace
}  // namespace redan
