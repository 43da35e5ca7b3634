// What users may not do is refused before it is executed, queued, or executed again, and is noted.
#include "server/session/access.h"

#include <gmock/gmock.h>

#include "server/front/gates.h"
#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class AccessTest : public DispatcherFixture {
 protected:
  // A client signed in as a user with these rules.
  TestClient& as(std::string_view name, std::string_view rules) {
    TestClient& one = client();
    set(name, rules);
    sign_in(one.session, *access.users.find(name));
    return one;
  }
  void set(std::string_view name, std::string_view rules) {
    std::vector<std::string_view> words;
    for (const std::string_view word : split(rules, ' ')) words.push_back(word);
    ASSERT_TRUE(access.users.set(name, words, false)) << rules;
  }
  uint64_t denied(acl::Reason reason) { return access.denied[static_cast<size_t>(reason)]; }
  const acl::DenialLog::Entry& last() { return access.denials.entries().front(); }
};

TEST_F(AccessTest, OnlyWhoMayDoEverythingGoesTheShortWay) {
  EXPECT_TRUE(is_ordinary(as("all", "+@all ~* &*").session));
  EXPECT_FALSE(is_ordinary(as("most", "+@all ~* &a").session));
  TestClient& one = as("less", "+@all ~* &*");
  set("less", "-get");
  judge_anew(one.session);
  EXPECT_FALSE(is_ordinary(one.session));
}

TEST_F(AccessTest, ARefusalIsToldCountedAndNoted) {
  TestClient& one = as("u", "~a +get +publish");
  EXPECT_EQ(ask(one, "GET a"), "$-1|");
  EXPECT_EQ(ask(one, "SET a 1"), "-NOPERM User u has no permissions to run the 'set' command|");
  EXPECT_EQ(last().object, "set");
  EXPECT_EQ(last().user, "u");
  EXPECT_EQ(last().context, "toplevel");
  EXPECT_EQ(ask(one, "GET b"), "-NOPERM No permissions to access a key|");
  EXPECT_EQ(last().object, "b");
  EXPECT_EQ(ask(one, "PUBLISH c m"), "-NOPERM No permissions to access a channel|");
  EXPECT_EQ(last().object, "c");
  EXPECT_EQ(ask(one, "CONFIG GET x"),
            "-NOPERM User u has no permissions to run the 'config|get' command|");
  EXPECT_EQ(denied(acl::Reason::kCommand), 2u);
  EXPECT_EQ(denied(acl::Reason::kKey), 1u);
  EXPECT_EQ(denied(acl::Reason::kChannel), 1u);
  EXPECT_EQ(counted("get").rejected, 1u);
  EXPECT_EQ(keyspace.total_size(), 0u);
}

TEST_F(AccessTest, WhatIsWrongInItselfIsNoRefusal) {
  TestClient& one = as("u", "");
  EXPECT_THAT(ask(one, "NONSENSE"), StartsWith("-ERR unknown command"));
  EXPECT_THAT(ask(one, "GET"), StartsWith("-ERR wrong number of arguments"));
  EXPECT_THAT(ask(one, "CONFIG NONSENSE"), StartsWith("-ERR unknown subcommand"));
  EXPECT_TRUE(access.denials.entries().empty());
}

TEST_F(AccessTest, ATransactionIsCheckedWhenQueuedAndWhenExecuted) {
  TestClient& one = as("u", "~* +get +incr +multi +exec");
  ask(one, "MULTI");
  EXPECT_EQ(ask(one, "INCR a"), "+QUEUED|");
  EXPECT_THAT(ask(one, "SET a 1"), StartsWith("-NOPERM"));
  EXPECT_EQ(last().context, "multi");
  EXPECT_THAT(ask(one, "EXEC"), StartsWith("-EXECABORT"));
  ask(one, "MULTI");
  ask(one, "INCR a");
  ask(one, "GET a");
  ask(one, "INCR b");
  set("u", "-get resetkeys ~b");
  judge_anew(one.session);
  const std::string reply = ask(one, "EXEC");
  EXPECT_THAT(reply, StartsWith("*3|-NOPERM ACLs rules changed between the moment"));
  EXPECT_THAT(reply, HasSubstr("reason: no permission to touch the specified keys|"));
  EXPECT_THAT(reply, HasSubstr("reason: no permission to execute the command or subcommand|:1|"));
  EXPECT_EQ(last().context, "multi");
  EXPECT_EQ(keyspace.total_size(), 1u);
}

TEST_F(AccessTest, ABlockedRequestIsCheckedAgain) {
  TestClient& one = as("u", "~* +blpop");
  EXPECT_EQ(ask(one, "BLPOP a 0"), "");
  set("u", "resetkeys");
  TestClient& other = as("all", "+@all ~* &*");
  EXPECT_EQ(ask(other, "RPUSH a x"), ":1|");
  EXPECT_EQ(one.connection.take(), "-NOPERM No permissions to access a key|");
  EXPECT_EQ(ask(other, "LLEN a"), ":1|");
}

TEST_F(AccessTest, SortReadsOtherKeysForWhoMayReadThemAll) {
  TestClient& one = as("u", "~a +sort +rpush");
  ask(one, "RPUSH a 2 1");
  EXPECT_EQ(ask(one, "SORT a"), "*2|$1|1|$1|2|");
  EXPECT_EQ(ask(one, "SORT a BY nosort"), "*2|$1|2|$1|1|");
  EXPECT_EQ(ask(one, "SORT a BY w_*"),
            "-ERR BY option of SORT denied due to insufficient ACL permissions.|");
  EXPECT_EQ(ask(one, "SORT a GET #"),
            "-ERR GET option of SORT denied due to insufficient ACL permissions.|");
  set("u", "%R~*");
  EXPECT_EQ(ask(one, "SORT a BY w_*"), "*2|$1|1|$1|2|");
}

TEST_F(AccessTest, WhoSignsInIsThatUserFromThenOn) {
  set("u", "on >right +get ~*");
  set("off", "off nopass");
  TestClient& one = client();
  enter(one.session, access.users.default_user());
  EXPECT_EQ(ask(one, "SET a 1"), "+OK|");
  EXPECT_THAT(ask(one, "AUTH u wrong"), StartsWith("-WRONGPASS"));
  EXPECT_THAT(ask(one, "AUTH off x"), StartsWith("-WRONGPASS"));
  EXPECT_THAT(ask(one, "HELLO 3 AUTH nobody x"), StartsWith("-WRONGPASS"));
  EXPECT_EQ(denied(acl::Reason::kAuth), 3u);
  EXPECT_EQ(last().object, "HELLO");
  EXPECT_EQ(last().user, "nobody");
  EXPECT_EQ(ask(one, "SET a 2"), "+OK|");  // Still who it was.
  EXPECT_EQ(ask(one, "AUTH u right"), "+OK|");
  EXPECT_THAT(ask(one, "SET a 3"), StartsWith("-NOPERM User u "));
  EXPECT_EQ(ask(one, "RESET"), "+RESET|");
  EXPECT_EQ(ask(one, "ACL WHOAMI"), "$7|default|");
}

TEST_F(AccessTest, WithoutTheDefaultUserNobodyIsSignedInAtFirst) {
  set("default", "off");
  TestClient& one = client();
  enter(one.session, access.users.default_user());
  EXPECT_THAT(ask(one, "GET a"), StartsWith("-NOAUTH"));
  set("default", "on >pw");
  enter(one.session, access.users.default_user());
  EXPECT_THAT(ask(one, "GET a"), StartsWith("-NOAUTH"));
  EXPECT_EQ(ask(one, "AUTH pw"), "+OK|");
  EXPECT_EQ(ask(one, "GET a"), "$-1|");
}

// What a primary tells us has passed its own gates.
TEST_F(AccessTest, ThePrimarysStreamIsNoUsersRequest) {
  set("default", "-@all");
  TestClient& link = client();
  link.session.kind = ClientKind::kPrimary;
  link.session.unlimited = false;
  ask(link, "SET a 1");
  EXPECT_EQ(keyspace.total_size(), 1u);
  EXPECT_TRUE(access.denials.entries().empty());
}

}  // namespace
}  // namespace redan
