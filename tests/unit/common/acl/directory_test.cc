#include "tests/unit/common/acl/acl_fixture.h"

namespace redan::acl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DirectoryTest : public AclTest {
 protected:
  DirectoryTest() {
    users.on_change([this](const User* before, const User* after) {
      const std::string& name = (after == nullptr ? before : after)->name();
      told.push_back(before == nullptr ? "+" + name : after == nullptr ? "-" + name : name);
    });
  }
  std::string load(std::string_view text) {
    const Result<void> done = users.replace(text, "f", false);
    return done ? "" : done.error().message();
  }
  std::vector<std::string> told;
};

TEST_F(DirectoryTest, ChangesAreTold) {
  set("a", "on");
  set("a", "off");
  EXPECT_TRUE(users.erase("a"));
  EXPECT_FALSE(users.erase("a"));
  EXPECT_FALSE(users.erase("default"));
  EXPECT_THAT(told, ElementsAre("+a", "a", "-a"));
}

TEST_F(DirectoryTest, AUserStaysInItsPlaceWhileItChanges) {
  set("a", "on");
  const User* const a = users.find("a");
  set("a", "reset +get");
  EXPECT_EQ(load("user a on\n"), "");
  EXPECT_EQ(users.find("a"), a);
}

TEST_F(DirectoryTest, RequirepassIsTheDefaultUsersPassword) {
  users.set_default_password("x");
  EXPECT_FALSE(users.default_user().needs_no_password());
  EXPECT_TRUE(users.default_user().accepts("x"));
  users.set_default_password("");
  EXPECT_TRUE(users.default_user().accepts("whatever"));
}

TEST_F(DirectoryTest, AFileReplacesAllUsersAndReadsBackTheSame) {
  set("old", "on");
  ASSERT_EQ(load("\n  user b on +get ~a  \r\nuser a off (+set ~x) (+get\tsomething)\n"),
            "f:3: Syntax error. WARNING: ACL errors detected, no change to the previously active "
            "ACL rules was performed");
  ASSERT_EQ(load("\n  user b on +get ~a  \r\nuser a off (+set ~x)\n"), "");
  EXPECT_EQ(users.find("old"), nullptr);
  const std::string text = users.file_text();
  EXPECT_EQ(text,
            "user a off sanitize-payload resetchannels -@all (~x resetchannels -@all +set)\n"
            "user b on sanitize-payload ~a resetchannels -@all +get\n"
            "user default on nopass sanitize-payload ~* &* +@all\n");
  EXPECT_EQ(load(text), "");
  EXPECT_EQ(users.file_text(), text);
}

TEST_F(DirectoryTest, EachWrongLineIsNamedAndNothingChanges) {
  set("keep", "on");
  const std::string before = users.file_text();
  const std::string error = load(
      "user a on +nosuch -nosuch\nfoo\nuser a off\nuser b (+get\nuser c on >pw #short <none\n"
      "user d\te on\nuser\n");
  EXPECT_THAT(error, HasSubstr("f:1: Error in applying operation '+nosuch': Unknown command"));
  EXPECT_THAT(error, HasSubstr("f:1: Error in applying operation '-nosuch': Unknown command"));
  EXPECT_THAT(error, HasSubstr("f:2 should start with user keyword followed by the username. "));
  EXPECT_THAT(error, HasSubstr("WARNING: Duplicate user 'a' found on line 3. "));
  EXPECT_THAT(error, HasSubstr("f:4: Unmatched parenthesis in selector definition."));
  // The first fault of a line only, and without the rule, which may be half a password.
  EXPECT_THAT(error, HasSubstr("f:5: The password hash must be"));
  EXPECT_THAT(error, testing::Not(HasSubstr("trying to remove")));
  EXPECT_THAT(error, testing::Not(HasSubstr("short")));
  EXPECT_THAT(error, HasSubstr("'f:6: username 'd\te' contains invalid characters. "));
  EXPECT_THAT(error, HasSubstr("f:7 should start with user keyword"));
  EXPECT_EQ(users.file_text(), before);
}

TEST_F(DirectoryTest, DeclarationsAreCheckedWordByWord) {
  const auto wrong = [this](std::vector<std::string> words) {
    const Result<void> checked = check_declaration(words, commands);
    return checked ? std::string() : checked.error().message();
  };
  EXPECT_EQ(wrong({"a", "on", "(+get", "~a)"}), "");
  EXPECT_EQ(wrong({"a", "on", "bad"}), "Error in user declaration 'bad': Syntax error");
  EXPECT_EQ(wrong({"a", "(+get", "x"}),
            "Error in user declaration '(+get': Unmatched parenthesis in selector definition");
  EXPECT_EQ(wrong({"a b"}), "Spaces not allowed in ACL usernames");
}

// The default user is declared from nothing, whatever it was.
TEST_F(DirectoryTest, ADeclaredDefaultUserBeginsAnew) {
  ASSERT_TRUE(users.add_declared(std::vector<std::string>{"default", "on", "+get"}, false));
  EXPECT_EQ(line_of(users.default_user()),
            "user default on sanitize-payload resetchannels -@all +get");
}

TEST(Denials, OnesAlikeCountTogetherForAMinute) {
  DenialLog log;
  const auto refuse = [&log](std::string object, int64_t now_ms) {
    log.add({.reason = Reason::kKey, .context = "toplevel", .object = std::move(object)}, now_ms,
            3);
  };
  refuse("a", 1000);
  refuse("b", 2000);
  refuse("a", 61'000);
  ASSERT_EQ(log.entries().size(), 2u);
  EXPECT_EQ(log.entries()[0].object, "a");
  EXPECT_EQ(log.entries()[0].count, 2u);
  EXPECT_EQ(log.entries()[0].id, 0u);
  EXPECT_EQ(log.entries()[0].created_ms, 1000);
  EXPECT_EQ(log.entries()[0].updated_ms, 61'000);
  refuse("a", 121'001);
  EXPECT_EQ(log.entries()[0].count, 1u);
  EXPECT_EQ(log.entries()[0].id, 2u);
  refuse("c", 121'001);
  refuse("d", 121'001);
  EXPECT_EQ(log.entries().size(), 3u);  // As many as it may have.
  EXPECT_EQ(log.entries().back().id, 2u);
}

}  // namespace
}  // namespace redan::acl
