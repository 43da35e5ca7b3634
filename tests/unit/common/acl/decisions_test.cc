#include "tests/unit/common/acl/acl_fixture.h"

namespace redan::acl {
namespace {

class Decisions : public AclTest {};

TEST_F(Decisions, ACommandThatWasNotGrantedIsRefused) {
  set("u", "~* +get");
  EXPECT_EQ(check("u", "get a"), "ok");
  EXPECT_EQ(check("u", "set a b"), "command");
  EXPECT_EQ(check("u", "config get a"), "command");
}

TEST_F(Decisions, SigningInIsNobodysPrivilege) {
  set("u", "");
  EXPECT_EQ(check("u", "auth x"), "ok");
}

TEST_F(Decisions, CategoriesCommandsAndSubcommandsAddUp) {
  set("u", "~* +@read -mget +config -config|set");
  EXPECT_EQ(check("u", "get a"), "ok");
  EXPECT_EQ(check("u", "mget a"), "command");
  EXPECT_EQ(check("u", "config get a"), "ok");
  EXPECT_EQ(check("u", "config set a b"), "command");
  set("u", "+@all -@admin");
  EXPECT_EQ(check("u", "config get a"), "command");
  EXPECT_EQ(check("u", "mget a"), "ok");
}

TEST_F(Decisions, AFirstArgumentMayBeAllItMaySay) {
  set("u", "+select|0");
  EXPECT_EQ(check("u", "select 0"), "ok");
  EXPECT_EQ(check("u", "select 1"), "command");
  set("u", "-select");
  EXPECT_EQ(check("u", "select 0"), "command");
}

TEST_F(Decisions, EachKeyNeedsAPatternWithItsRights) {
  set("u", "+@all %R~r* %W~w* ~both");
  EXPECT_EQ(check("u", "get r1"), "ok");
  EXPECT_EQ(check("u", "get w1"), "key w1");
  EXPECT_EQ(check("u", "set w1 x"), "ok");
  EXPECT_EQ(check("u", "set r1 x"), "key r1");
  EXPECT_EQ(check("u", "getset r1 x"), "key r1");
  EXPECT_EQ(check("u", "getset both x"), "ok");
  EXPECT_EQ(check("u", "mget r1 both other"), "key other");
  // It is told whether there is such a key, and how long: that takes either right.
  EXPECT_EQ(check("u", "strlen w1"), "ok");
  EXPECT_EQ(check("u", "strlen other"), "key other");
}

// Rights of two patterns do not add up, as in Redis.
TEST_F(Decisions, OnePatternHasToAllowAllOfAKey) {
  set("u", "+@all %R~a* %W~*");
  EXPECT_EQ(check("u", "getset a x"), "key a");
}

TEST_F(Decisions, ChannelsMatchNamesButPatternsAreTakenLiterally) {
  set("u", "+@all &news.*");
  EXPECT_EQ(check("u", "publish news.x y"), "ok");
  EXPECT_EQ(check("u", "publish other y"), "channel other");
  EXPECT_EQ(check("u", "subscribe news.x other"), "channel other");
  EXPECT_EQ(check("u", "psubscribe news.*"), "ok");
  EXPECT_EQ(check("u", "psubscribe news.x*"), "channel news.x*");
  EXPECT_EQ(check("u", "unsubscribe other"), "ok");
}

TEST_F(Decisions, ASelectorAllowsAllOfACallOrNothing) {
  set("u", "+get ~a (+set ~b) (+mget ~c*)");
  EXPECT_EQ(check("u", "get a"), "ok");
  EXPECT_EQ(check("u", "set b x"), "ok");
  EXPECT_EQ(check("u", "set a x"), "key a");
  EXPECT_EQ(check("u", "get b"), "key b");
  EXPECT_EQ(check("u", "mget c1 c2 d"), "key d");
  EXPECT_EQ(check("u", "getset a x"), "command");
}

TEST_F(Decisions, OfSeveralRefusalsTheFurthestIsTold) {
  set("u", "+mget ~a (+mget ~b*) (+publish &x)");
  EXPECT_EQ(check("u", "mget b c d"), "key c");
  EXPECT_EQ(check("u", "mget a c"), "key c");
  EXPECT_EQ(check("u", "publish y m"), "channel y");
}

TEST_F(Decisions, WhoMayDoEverythingIsKnownBeforehand) {
  EXPECT_TRUE(users.default_user().allows_everything());
  set("u", "+@all allkeys");
  EXPECT_FALSE(users.find("u")->allows_everything());
  set("u", "(+@all ~* &*)");
  EXPECT_TRUE(users.find("u")->allows_everything());
  set("u", "clearselectors allchannels -get +get");
  EXPECT_FALSE(users.find("u")->allows_everything());  // What is added later would not be its.
}

TEST_F(Decisions, KeysThatAreNoWordsNeedTheRightToReadEveryOne) {
  const auto reads = [this](std::string_view rules) {
    set("u", "reset");
    set("u", rules);
    const std::vector<std::string_view> args = {"get", "k"};
    Touched touched;
    touched.read(*commands.find("get"), args);
    return users.find("u")->reads_every_key(*commands.find("get"), touched);
  };
  EXPECT_TRUE(reads("+get allkeys"));
  EXPECT_TRUE(reads("+get %R~*"));
  EXPECT_FALSE(reads("+get ~k"));
  EXPECT_FALSE(reads("+get ~k %W~*"));
  EXPECT_FALSE(reads("+get ~k (+set ~*)"));
  EXPECT_TRUE(reads("+get ~k (+get ~*)"));
}

}  // namespace
}  // namespace redan::acl
