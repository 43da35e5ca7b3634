#include "common/config/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/config/sample_config.h"

namespace redan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

auto get(const Registry& registry, std::initializer_list<std::string_view> patterns) {
  return registry.get(std::span(patterns.begin(), patterns.size()));
}

// The text of the error that a set ends with; "OK" if it does not.
std::string set(Registry& registry, std::initializer_list<std::string_view> args,
                Registry::Rights rights = {}) {
  const Result<void> done = registry.set(args, rights);
  return done ? "OK" : done.error().text();
}

std::string failed(std::string_view name, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " +
         std::string(reason);
}

TEST(Registry, FallbacksAreTheFirstValues) {
  Sample s;
  EXPECT_EQ(s.config.port, 6379);
  EXPECT_EQ(s.config.memory, 1 << 20);
  EXPECT_EQ(s.config.colour, Colour::kBlue);
  EXPECT_THAT(s.config.bind, ElementsAre("*", "-::*"));
  for (const Option* option : s.registry.options()) EXPECT_TRUE(s.registry.at_fallback(*option));
}

TEST(Registry, ValuesOfEveryTypeAreSetAndShown) {
  Sample s;
  EXPECT_EQ(set(s.registry, {"port", "7000", "max-memory", "2gb", "share", "5%", "quiet", "YES",
                             "name", "a b", "bind", "::1 -10.0.0.1", "colour", "RED"}),
            "OK");
  EXPECT_THAT(get(s.registry, {"port", "max-memory", "share", "quiet", "name", "bind", "colour"}),
              ElementsAre(Pair("port", "7000"), Pair("max-memory", "2147483648"),
                          Pair("share", "5%"), Pair("quiet", "yes"), Pair("name", "a b"),
                          Pair("bind", "::1 -10.0.0.1"), Pair("colour", "red")));
  EXPECT_EQ(set(s.registry, {"bind", ""}), "OK");
  EXPECT_THAT(s.config.bind, IsEmpty());
}

TEST(Registry, ErrorsAreThoseOfRedis) {
  Sample s;
  Registry& r = s.registry;
  EXPECT_EQ(set(r, {"foo", "bar"}),
            "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
  EXPECT_EQ(set(r, {"port", "1", "foo", "bar"}),
            "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
  EXPECT_EQ(set(r, {"alias", "a b"}),
            "ERR Unknown option or number of arguments for CONFIG SET - 'alias'");
  EXPECT_EQ(set(r, {"port"}), "ERR wrong number of arguments for 'config|set' command");
  EXPECT_EQ(set(r, {"port", "x"}), failed("port", "argument couldn't be parsed into an integer"));
  EXPECT_EQ(set(r, {"port", ""}), failed("port", "argument couldn't be parsed into an integer"));
  EXPECT_EQ(set(r, {"port", "65536"}),
            failed("port", "argument must be between 0 and 65535 inclusive"));
  EXPECT_EQ(set(r, {"max-memory", "10x"}), failed("max-memory", "argument must be a memory value"));
  EXPECT_EQ(set(r, {"max-memory", "-1"}), failed("max-memory", "argument must be a memory value"));
  EXPECT_EQ(
      set(r, {"max-memory", "1"}),
      failed("max-memory", "argument must be between 1024 and 9223372036854775807 inclusive"));
  EXPECT_EQ(set(r, {"share", "101%"}),
            failed("share", "percentage argument must be less or equal to 100"));
  EXPECT_EQ(set(r, {"share", "-5"}), failed("share", "argument must be a memory or percent value"));
  EXPECT_EQ(set(r, {"quiet", "maybe"}), failed("quiet", "argument must be 'yes' or 'no'"));
  EXPECT_EQ(set(r, {"colour", "green"}),
            failed("colour", "argument(s) must be one of the following: red, blue"));
  EXPECT_EQ(set(r, {"mode", "7"}), failed("mode", "can't set immutable config"));
  EXPECT_EQ(set(r, {"dir", "/"}), failed("dir", "can't set protected config"));
  EXPECT_EQ(set(r, {"dir", "/"}, {.may_set_protected = true}), "OK");
  EXPECT_EQ(set(r, {"dir", "/"}, {.may_set_protected = true, .loading = true}),
            "LOADING Failed to set the specified 'dir' config when loading dataset.");
  EXPECT_EQ(set(r, {"port", "1", "PORT", "2"}), failed("PORT", "duplicate parameter"));
  EXPECT_EQ(set(r, {"name", "a/b"}), failed("name", "no slash, please"));
  EXPECT_EQ(set(r, {"bind", "a b c d"}), failed("bind", "Too many bind addresses specified."));
}

TEST(Registry, ANameAndItsAliasAreOneOptionAndTheLaterWins) {
  Sample s;
  EXPECT_EQ(set(s.registry, {"max-memory", "5kb", "old-memory", "6kb"}), "OK");
  EXPECT_THAT(get(s.registry, {"*memory"}),
              ElementsAre(Pair("max-memory", "6144"), Pair("old-memory", "6144")));
}

TEST(Registry, GetMatchesPatternsInAnyCaseAndShowsHiddenOnesByName) {
  Sample s;
  EXPECT_THAT(get(s.registry, {"PO*", "port", "Port"}), ElementsAre(Pair("port", "6379")));
  EXPECT_THAT(get(s.registry, {"PORT"}), ElementsAre(Pair("PORT", "6379")));
  EXPECT_THAT(get(s.registry, {"hid*"}), IsEmpty());
  EXPECT_THAT(get(s.registry, {"hidden"}), ElementsAre(Pair("hidden", "")));
  EXPECT_THAT(get(s.registry, {"alias"}), IsEmpty());  // part of the file only
  EXPECT_THAT(get(s.registry, {"nothing", "[", "\\"}), IsEmpty());
}

TEST(Registry, ABadValueUndoesWhatStoodBeforeIt) {
  Sample s;
  EXPECT_NE(set(s.registry, {"port", "1", "name", "x", "quiet", "maybe"}), "OK");
  EXPECT_EQ(s.config.port, 6379);
  EXPECT_EQ(s.config.name, "");
}

TEST(Registry, HooksRunOnceForWhatChanged) {
  Sample s;
  int runs = 0;
  s.registry.on_change({"port", "bind"}, [&]() -> Result<void> {
    ++runs;
    return kOk;
  });
  EXPECT_EQ(set(s.registry, {"port", "1", "bind", "x"}), "OK");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(set(s.registry, {"port", "1"}), "OK");  // no change
  EXPECT_EQ(set(s.registry, {"name", "x"}), "OK");  // not watched
  EXPECT_EQ(runs, 1);
}

TEST(Registry, ARefusedChangeIsUndoneEverywhere) {
  Sample s;
  std::vector<int64_t> seen;
  s.registry.on_change({"max-memory"}, [&]() -> Result<void> {
    seen.push_back(s.config.memory);
    return kOk;
  });
  s.registry.on_change({"port"}, [&]() -> Result<void> {
    if (s.config.port == 80) return Error("Unable to listen on this port.");
    return kOk;
  });
  EXPECT_EQ(set(s.registry, {"max-memory", "2kb", "port", "80"}),
            failed("port", "Unable to listen on this port."));
  EXPECT_EQ(s.config.port, 6379);
  EXPECT_EQ(s.config.memory, 1 << 20);
  EXPECT_THAT(seen, ElementsAre(2048, 1 << 20));  // there and back
}

TEST(Registry, ANearNameIsFound) {
  const Sample s;
  EXPECT_EQ(s.registry.nearest("prot"), "port");
  EXPECT_EQ(s.registry.nearest("MAXMEMORY"), "max-memory");
  EXPECT_EQ(s.registry.nearest("somethingelse"), "");
  EXPECT_EQ(s.registry.nearest(std::string(100000, 'x')), "");
}

}  // namespace
}  // namespace redan
