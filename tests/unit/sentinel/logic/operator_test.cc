// What operators change: MONITOR, REMOVE, RESET, SET; and the views that depend on it.
#include <gmock/gmock.h>

#include <algorithm>

#include "lone_sentinel.h"

namespace redan {
namespace {

Result<void> monitor(LoneSentinel& s, const std::string& name, Address at, uint32_t quorum) {
  return s.operate([&](SentinelMachine& m, SentinelEffects& out) {
    return m.monitor(s.now, name, at, quorum, out);
  });
}

std::string value(const SentinelMachine::Fields& fields, const std::string& name) {
  for (const auto& [key, text] : fields) {
    if (key == name) return text;
  }
  return "(none)";
}

TEST(Monitor, BeginsAtOnceAndIsSaved) {
  LoneSentinel s;
  s.forget();
  ASSERT_TRUE(monitor(s, "second", kOtherAt, 3));
  EXPECT_EQ(s.said("+monitor"), "master second 10.0.0.3 6379 quorum 3");
  EXPECT_FALSE(s.sent<AskPing>(kOtherAt).empty());
  EXPECT_EQ(s.effects<Persist>().front().state.primaries.size(), 2u);
  EXPECT_EQ(s.machine.find("second")->options.down_after, Millis(30'000));
  EXPECT_THAT(s.machine.primary_names(), testing::ElementsAre("m", "second"));
}

TEST(Monitor, RefusesWhatMakesNoSense) {
  LoneSentinel s;
  EXPECT_EQ(monitor(s, "m", kOtherAt, 1).error().message(), "Duplicate master name.");
  EXPECT_EQ(monitor(s, "x", kOtherAt, 0).error().message(), "Quorum must be 1 or greater.");
  EXPECT_EQ(monitor(s, "x", {.ip = "10.0.0.9"}, 1).error().message(), "Invalid port number.");
  EXPECT_EQ(s.machine.primary_names().size(), 1u);
}

TEST(Remove, ForgetsThePrimaryAndClosesItsConnections) {
  LoneSentinel s({.peers = 1});
  s.forget();
  const auto remove = [&](const std::string& name) {
    return s.operate(
        [&](SentinelMachine& m, SentinelEffects& out) { return m.remove(s.now, name, out); });
  };
  EXPECT_EQ(remove("x").error().message(), "No such master with that name");
  ASSERT_TRUE(remove("m"));
  EXPECT_EQ(s.said("-monitor"), "master m 10.0.0.1 6379");
  EXPECT_EQ(s.effects<CloseLink>().size(), 5u) << "two per node, one per peer";
  EXPECT_TRUE(s.effects<Persist>().back().state.primaries.empty());
  EXPECT_FALSE(s.machine.current_address("m"));
}

TEST(Remove, APeerOfTwoPrimariesKeepsItsLink) {
  LoneSentinel s({.peers = 1});
  ASSERT_TRUE(monitor(s, "second", kOtherAt, 1));
  Hello hello = *parse_hello(s.hello_text(1, Epoch(3), kOtherAt, Epoch(0)));
  hello.name = "second";
  s.hello(format_hello(hello));
  const LinkId shared = s.primary().peers.at(NodeId(1)).link;
  EXPECT_EQ(s.machine.find("second")->peers.at(NodeId(1)).link, shared);
  ASSERT_TRUE(s.operate(
      [&](SentinelMachine& m, SentinelEffects& out) { return m.remove(s.now, "m", out); }));
  EXPECT_NE(s.machine.find_link(shared), nullptr);
}

TEST(Reset, ForgetsReplicasAndPeersOfEveryMatch) {
  LoneSentinel s({.peers = 2});
  s.node(kPrimaryAt).replicas.clear();
  size_t matched = 9;
  const auto reset = [&](const std::string& pattern) {
    (void)s.operate([&](SentinelMachine& m, SentinelEffects& out) -> Result<void> {
      matched = m.reset(s.now, pattern, out);
      return kOk;
    });
    return matched;
  };
  s.forget();
  EXPECT_EQ(reset("x*"), 0u);
  EXPECT_TRUE(s.effects<Persist>().empty());
  EXPECT_EQ(reset("?"), 1u);
  EXPECT_EQ(s.said("+reset-master"), "master m 10.0.0.1 6379");
  EXPECT_TRUE(s.primary().replicas.empty());
  EXPECT_TRUE(s.primary().peers.empty());
  EXPECT_TRUE(s.effects<Persist>().back().state.primaries[0].peers.empty());
  EXPECT_EQ(s.primary().config_epoch, Epoch(3)) << "epochs never go back";
}

TEST(Reset, EndsAFailoverAndLetsTheNextOneBeginAtOnce) {
  LoneSentinel s;
  s.node(kReplicaAt).obeys = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+failover-state-wait-promotion"));
  (void)s.operate([&](SentinelMachine& m, SentinelEffects& out) -> Result<void> {
    m.reset(s.now, "*", out);
    return kOk;
  });
  EXPECT_FALSE(s.primary().failing_over());
  EXPECT_FALSE(s.primary().is_down());
  EXPECT_EQ(s.primary().last_attempt, Instant{});
}

TEST(Set, EveryOptionIsAppliedSavedAndTold) {
  LoneSentinel s({.global = {.deny_scripts_reconfig = false}});
  s.forget();
  ASSERT_TRUE(s.set({"down-after-milliseconds",
                     "7000",
                     "failover-timeout",
                     "9000",
                     "parallel-syncs",
                     "4",
                     "quorum",
                     "5",
                     "auth-user",
                     "u",
                     "auth-pass",
                     "secret",
                     "master-reboot-down-after-period",
                     "12",
                     "notification-script",
                     "/n",
                     "client-reconfig-script",
                     "/c",
                     "rename-command",
                     "CONFIG",
                     "cfg"}));
  const PrimaryOptions& o = s.primary().options;
  EXPECT_EQ(o.down_after, Millis(7'000));
  EXPECT_EQ(o.failover_timeout, Millis(9'000));
  EXPECT_EQ(o.parallel_syncs, 4u);
  EXPECT_EQ(o.quorum, 5u);
  EXPECT_EQ(o.auth_user + o.auth_pass, "usecret");
  EXPECT_EQ(o.reboot_down_after, Millis(12));
  EXPECT_EQ(o.notification_script + o.client_reconfig_script, "/n/c");
  EXPECT_EQ(o.renamed_commands.at("config"), "cfg");
  EXPECT_EQ(s.count("+set"), 10u);
  EXPECT_EQ(s.effects<Persist>().back().state.primaries[0].options.quorum, 5u);
  for (const Announce& each : s.effects<Announce>()) {
    EXPECT_EQ(each.text.find("secret"), std::string::npos) << each.text;
  }
}

TEST(Set, RefusesWithRedisWordsAndKeepsThePairsBefore) {
  LoneSentinel s;
  const auto words = [&](std::vector<std::string> pairs) {
    const Result<void> outcome = s.set(std::move(pairs));
    return outcome ? std::string("OK") : outcome.error().message();
  };
  EXPECT_EQ(words({"quorum", "2", "quorum", "0"}),
            "Invalid argument '0' for SENTINEL SET 'quorum'");
  EXPECT_EQ(s.primary().options.quorum, 2u);
  EXPECT_EQ(words({"nope", "1"}), "Unknown option or number of arguments for SENTINEL SET 'nope'");
  EXPECT_EQ(words({"quorum"}), "Unknown option or number of arguments for SENTINEL SET 'quorum'");
  EXPECT_EQ(words({"down-after-milliseconds", "x"}),
            "Invalid argument 'x' for SENTINEL SET 'down-after-milliseconds'");
  EXPECT_EQ(words({"parallel-syncs", "-1"}),
            "Invalid argument '-1' for SENTINEL SET 'parallel-syncs'");
  EXPECT_EQ(words({"master-reboot-down-after-period", "-1"}),
            "Invalid argument '-1' for SENTINEL SET 'master-reboot-down-after-period'");
  EXPECT_NE(words({"notification-script", "/n"}).find("denied"), std::string::npos);
  EXPECT_TRUE(s.primary().options.notification_script.empty());
}

TEST(Set, NewCredentialsOpenNewConnections) {
  LoneSentinel s;
  s.run_for(Seconds(1));
  s.forget();
  ASSERT_TRUE(s.set({"auth-pass", "new"}));
  EXPECT_EQ(s.effects<CloseLink>().size(), 4u);
  EXPECT_EQ(s.effects<OpenLink>().size(), 4u);
}

// ---- Views.

TEST(Views, FlagsShowWhatIsKnownOfAPrimary) {
  LoneSentinel s({.options = {.quorum = 1, .down_after = Millis(5'000)}});
  s.run_for(Seconds(2));
  const auto flags = [&] { return value(*s.machine.primary_fields(s.now, "m"), "flags"); };
  EXPECT_EQ(flags(), "master");
  s.node(kReplicaAt).obeys = false;
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+failover-state-wait-promotion"));
  EXPECT_EQ(flags(), "s_down,o_down,master,disconnected,failover_in_progress");
  EXPECT_EQ(value(*s.machine.primary_fields(s.now, "m"), "failover-state"), "wait_promotion");
  const auto replicas = *s.machine.replica_fields(s.now, "m");
  EXPECT_EQ(value(replicas[0], "flags"), "slave,promoted");
}

TEST(Views, TheNewAddressIsShownFromThePromotionOn) {
  LoneSentinel s({.replicas = {kReplicaAt, kOtherAt}});
  s.node(kReplicaAt).priority = 1;
  s.node(kOtherAt).syncs = false;
  s.run_for(Seconds(2));
  ASSERT_TRUE(s.failover());
  ASSERT_TRUE(s.waits_for("+promoted-slave", Seconds(2)));
  ASSERT_FALSE(s.says("+switch-master"));
  const auto fields = *s.machine.primary_fields(s.now, "m");
  EXPECT_EQ(value(fields, "ip"), kReplicaAt.ip);
  EXPECT_EQ(value(fields, "runid"), s.node(kReplicaAt).run_id);
  EXPECT_EQ(value(fields, "flags"), "master,failover_in_progress,force_failover");
  EXPECT_EQ(value(fields, "role-reported"), "master");
  EXPECT_NE(s.machine.info_section(s.now, 0, 0).find("address=10.0.0.2:6379"), std::string::npos);
}

TEST(Views, QuorumAndMajorityAreCheckedEach) {
  const auto check = [](size_t peers, size_t silent, uint32_t quorum) {
    LoneSentinel s({.options = {.quorum = quorum, .down_after = Millis(1'000)}, .peers = peers});
    for (uint64_t id = 1; id <= silent; ++id) s.peer(id).answers = false;
    s.run_for(Seconds(5));
    const Result<std::string> outcome = s.machine.check_quorum("m");
    return outcome ? *outcome : outcome.error().code() + " " + outcome.error().message();
  };
  EXPECT_EQ(check(2, 1, 2),
            "OK 2 usable Sentinels. Quorum and failover authorization can be reached");
  EXPECT_EQ(check(2, 2, 1),
            "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the majority and "
            "authorize a failover");
  EXPECT_EQ(check(4, 2, 4),
            "NOQUORUM 3 usable Sentinels. Not enough available Sentinels to reach the specified "
            "quorum for this master");
  EXPECT_EQ(check(2, 2, 2),
            "NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified "
            "quorum for this master. Not enough available Sentinels to reach the majority and "
            "authorize a failover");
}

TEST(Views, AUnknownNameIsAnErrorEverywhere) {
  LoneSentinel s;
  EXPECT_FALSE(s.machine.primary_fields(s.now, "x"));
  EXPECT_FALSE(s.machine.replica_fields(s.now, "x"));
  EXPECT_FALSE(s.machine.peer_fields(s.now, "x"));
  EXPECT_FALSE(s.machine.check_quorum("x"));
  EXPECT_FALSE(s.machine.dry_run(s.now, "x"));
  EXPECT_FALSE(s.machine.current_address("x"));
}

TEST(Views, InfoTellsTheStateOfEachPrimary) {
  LoneSentinel s({.options = {.quorum = 9, .down_after = Millis(5'000)}, .peers = 2});
  const auto line = [&] {
    const std::string text = s.machine.info_section(s.now, 0, 0);
    return text.substr(text.find("master0:"));
  };
  EXPECT_EQ(line(), "master0:name=m,status=ok,address=10.0.0.1:6379,slaves=1,sentinels=3\r\n");
  s.kill(kPrimaryAt);
  ASSERT_TRUE(s.waits_for("+sdown"));
  EXPECT_EQ(line(), "master0:name=m,status=sdown,address=10.0.0.1:6379,slaves=1,sentinels=3\r\n");
}

}  // namespace
}  // namespace redan
