#include "common/acl/passwords.h"
#include "tests/unit/common/acl/acl_fixture.h"

namespace redan::acl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Rules : public AclTest {};

TEST_F(Rules, ANewUserIsOffAndMayDoNothing) {
  ASSERT_EQ(set("alice", ""), "");
  EXPECT_EQ(line_of(*users.find("alice")), "user alice off sanitize-payload resetchannels -@all");
  all_channels = true;
  ASSERT_EQ(set("bob", ""), "");
  EXPECT_EQ(line_of(*users.find("bob")), "user bob off sanitize-payload &* -@all");
}

TEST_F(Rules, CommandsStandInTheOrderInWhichTheyWereSaid) {
  EXPECT_EQ(rules("+@read -get +set"), "resetchannels -@all +@read -get +set");
  EXPECT_EQ(rules("+@all -@write +SET"), "resetchannels +@all -@write +set");
  // Said again, a rule moves to the end; said of all, it takes the others away.
  EXPECT_EQ(rules("+@read +@write +@read"), "resetchannels -@all +@write +@read");
  EXPECT_EQ(rules("+get -get"), "resetchannels -@all -get");
  EXPECT_EQ(rules("+get allcommands -set nocommands +mget"), "resetchannels -@all +mget");
}

TEST_F(Rules, ACommandTakesItsSubcommandsAlong) {
  EXPECT_EQ(rules("-config|get +config|set +config"), "resetchannels -@all +config");
  EXPECT_EQ(rules("+config -config|get"), "resetchannels -@all +config -config|get");
  EXPECT_EQ(rules("+select|0 +select|1"), "resetchannels -@all +select|0 +select|1");
  EXPECT_EQ(rules("+select|0 -select"), "resetchannels -@all -select");
}

TEST_F(Rules, KeysOfOnePatternAreOneRule) {
  EXPECT_EQ(rules("~a ~b ~a"), "~a ~b resetchannels -@all");
  EXPECT_EQ(rules("%R~a %W~a %WR~b %r~c"), "~a ~b %R~c resetchannels -@all");
  EXPECT_EQ(rules("%R~* %W~*"), "~* resetchannels -@all");
  EXPECT_EQ(rules("~a %RW~*"), "~a %RW~* resetchannels -@all");
  EXPECT_EQ(rules("~a ~*"), "~* resetchannels -@all");
  EXPECT_EQ(rules("~a resetkeys"), "resetchannels -@all");
}

TEST_F(Rules, WhatFollowsAllIsRefused) {
  EXPECT_THAT(rules("allkeys ~a"), HasSubstr("modifier '~a': Adding a pattern after the * pattern "
                                             "(or the 'allkeys' flag)"));
  EXPECT_THAT(rules("&* &a"), HasSubstr("(or the 'allchannels' flag)"));
  EXPECT_EQ(rules("~* ~* &* allchannels"), "~* &* -@all");
}

TEST_F(Rules, ChannelsStandBehindTheirReset) {
  EXPECT_EQ(rules("&a &b &a"), "resetchannels &a &b -@all");
  EXPECT_EQ(rules("allchannels"), "&* -@all");
}

TEST_F(Rules, PasswordsAreKeptAsTheirDigests) {
  const std::string a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
  EXPECT_EQ(hash_of("a"), a);
  ASSERT_EQ(set("u", "on >a >a >b"), "");
  EXPECT_THAT(users.find("u")->password_hashes(), ElementsAre(a, hash_of("b")));
  EXPECT_EQ(set("u", "<b"), "");
  EXPECT_EQ(set("u", "<b"),
            "Error in ACL SETUSER modifier '<b': The password you are trying to "
            "remove from the user does not exist");
  EXPECT_TRUE(users.find("u")->accepts("a"));
  EXPECT_FALSE(users.find("u")->accepts("b"));
  EXPECT_EQ(set("u", "!" + a), "");
  EXPECT_FALSE(users.find("u")->accepts("a"));
  EXPECT_EQ(set("u", "#" + a), "");
  EXPECT_TRUE(users.find("u")->accepts("a"));
  EXPECT_THAT(set("u", "#ABC"), HasSubstr("must be exactly 64 characters"));
}

TEST_F(Rules, WithoutPasswordAnyOneIsRightAndASetOneEndsThat) {
  ASSERT_EQ(set("u", "on >a nopass"), "");
  EXPECT_TRUE(users.find("u")->accepts("anything"));
  ASSERT_EQ(set("u", ">b"), "");
  EXPECT_FALSE(users.find("u")->accepts("anything"));
  EXPECT_TRUE(users.find("u")->accepts("b"));
  ASSERT_EQ(set("u", "off"), "");
  EXPECT_FALSE(users.find("u")->accepts("b"));
  ASSERT_EQ(set("u", "on nopass resetpass"), "");
  EXPECT_FALSE(users.find("u")->accepts("b"));
}

TEST_F(Rules, SelectorsMayComeInSeveralWords) {
  EXPECT_EQ(rules("(+get ~a) (+set %W~b)"),
            "resetchannels -@all (~a resetchannels -@all +get) (%W~b resetchannels -@all +set)");
  EXPECT_EQ(rules("( +get )"), "resetchannels -@all (resetchannels -@all +get)");
  EXPECT_EQ(rules("(+get) clearselectors"), "resetchannels -@all");
  EXPECT_EQ(rules("(+get ~a"), "Unmatched parenthesis in acl selector starting at '(+get'.");
  EXPECT_EQ(rules("(on)"), "Error in ACL SETUSER modifier '(on)': Syntax error");
  EXPECT_EQ(rules("(+get (x))"), "Error in ACL SETUSER modifier '(+get (x))': Syntax error");
}

TEST_F(Rules, NonsenseIsNamed) {
  EXPECT_EQ(rules("+nosuch"),
            "Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL");
  EXPECT_THAT(rules("-@nosuch"), HasSubstr("Unknown command or category"));
  EXPECT_THAT(rules("+config|nosuch"), HasSubstr("Unknown command or category"));
  EXPECT_THAT(rules("-select|0"), HasSubstr("Unknown command or category"));
  EXPECT_THAT(rules("+config|get|x"), HasSubstr("first-arg of a subcommand is not supported"));
  for (const char* rule : {"+get|", "%~a", "%X~a", "%RR~a", "x", ")", "+select|a\tb", "~a\tb"}) {
    EXPECT_THAT(rules(rule), HasSubstr("': Syntax error")) << rule;
  }
}

TEST_F(Rules, AllOrNothing) {
  ASSERT_EQ(set("u", "on +get ~a"), "");
  const std::string before = line_of(*users.find("u"));
  EXPECT_NE(set("u", "off +set nonsense"), "");
  EXPECT_EQ(line_of(*users.find("u")), before);
  EXPECT_NE(set("new", "on nonsense"), "");
  EXPECT_EQ(users.find("new"), nullptr);
  EXPECT_EQ(set("a b", ""), "Usernames can't contain spaces or null characters");
}

TEST_F(Rules, ResetMakesAUserNew) {
  EXPECT_EQ(rules("on nopass skip-sanitize-payload ~a &b +get (+set) reset"),
            "resetchannels -@all");
}

// What is shown makes the same user again, whatever was said before.
TEST_F(Rules, WhatIsShownReadsBackTheSame) {
  for (const char* given :
       {"on nopass +@all -@write +set -config|get ~a %R~b &c (~x -@all +@read -get) (+select|3)",
        "+select|0 +config|set -@admin +config|get", "+@all +get -get allchannels (&* ~* +@all)",
        "~a\"b ('~it\\'s' +get)", "~) (\"~)\" +get) ('&(' +set)"}) {
    rules(given);
    std::vector<std::string_view> words;
    const std::vector<std::string> shown = users.find("u")->rules();
    for (const std::string& rule : shown) {
      for (const std::string_view word : split(rule, ' ')) words.push_back(word);
    }
    users.erase("copy");
    ASSERT_TRUE(users.set("copy", words, false)) << given;
    EXPECT_EQ(users.find("copy")->rules(), shown) << given;
  }
}

}  // namespace
}  // namespace redan::acl
