#include "server/front/gates.h"

#include <gtest/gtest.h>

#include "server/session/access.h"
#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

struct Replication : FakeReplication {
  bool link_up() const override { return up; }
  int good_replicas() const override { return good; }
  bool up = true;
  int good = 0;
};
struct Snapshots : FakeSnapshots {
  bool last_save_ok() const override { return ok; }
  bool ok = true;
};

// Every state that a gate looks at, one bit each.
struct State {
  explicit State(unsigned bits) {
    const auto next = [&bits] {
      const bool bit = (bits & 1) != 0;
      bits >>= 1;
      return bit;
    };
    replication.replica = next();
    replication.up = next();
    replication.good = next() ? 1 : 0;
    snapshots.ok = next();
    loading = next();
    memory_exceeded = next();
    config.replica_read_only = next();
    config.replica_serve_stale_data = next();
    config.min_replicas_to_write = next() ? 1 : 0;
    config.min_replicas_max_lag = 10;
    config.stop_writes_on_bgsave_error = next();
    config.enable_debug_command = LocalAllowed::kNo;
    config.save = {{3600, 1}};
  }
  static constexpr unsigned kStates = 1u << 10;

  Replication replication;
  Snapshots snapshots;
  ServerConfig config;
  bool loading = false;
  bool memory_exceeded = false;
};

TEST(Gates, TheShortWayLetsNothingPastThatAGateWouldRefuse) {
  const std::vector<CommandFamily<Call>> families = server_families();
  const ServerCommands commands(families);
  Session session;
  session.authenticated = session.unlimited = true;
  ASSERT_TRUE(is_ordinary(session));
  size_t short_ways = 0;
  for (unsigned bits = 0; bits < State::kStates; ++bits) {
    const State state(bits);
    const uint32_t doubtful = doubtful_flags(state.config, state.replication, state.snapshots,
                                             state.loading, state.memory_exceeded);
    for (const CommandEntry* const command : commands.entries()) {
      if (is_doubtful(command->flags, doubtful)) continue;
      ++short_ways;
      const GateView view{.command = *command,
                          .flags = command->flags,
                          .session = session,
                          .config = state.config,
                          .replication = state.replication,
                          .snapshots = state.snapshots,
                          .loading = state.loading,
                          .from_primary = false,
                          .memory_exceeded = state.memory_exceeded};
      const Refusal refusal = first_refusal(view);
      EXPECT_FALSE(refusal.has_value())
          << command->full_name << " in state " << bits << ": " << refusal->text();
    }
  }
  EXPECT_GT(short_ways, 0U);
}

// As in Redis: after what is wrong with any session, before anybody is sent to another node.
TEST(Gates, WhatAUserMayNotDoIsRefusedBeforeItIsSentElsewhere) {
  const std::vector<CommandFamily<Call>> families = server_families();
  const ServerCommands commands(families);
  acl::Directory users(commands);
  const State state(0);
  Session session;
  enter(session, users.default_user());
  const auto refusal = [&](std::string_view name) {
    const CommandEntry* const command = commands.find(name);
    return first_refusal({.command = *command,
                          .flags = command->flags,
                          .session = session,
                          .config = state.config,
                          .replication = state.replication,
                          .snapshots = state.snapshots,
                          .loading = true,
                          .from_primary = false,
                          .memory_exceeded = true,
                          .denial = acl::Denial{.reason = acl::Reason::kCommand, .position = 0},
                          .not_served_here = Error("MOVED", "1 there")})
        ->code();
  };
  EXPECT_EQ(refusal("set"), "NOPERM");
  session.authenticated = false;
  EXPECT_EQ(refusal("set"), "NOAUTH");
}

TEST(Gates, ANodeInOrderLetsReadsAndWritesGoTheShortWay) {
  State state(0);
  state.replication.up = true;
  state.snapshots.ok = true;
  const uint32_t doubtful =
      doubtful_flags(state.config, state.replication, state.snapshots, false, false);
  EXPECT_FALSE(is_doubtful(kReadOnly | kFast, doubtful));
  EXPECT_FALSE(is_doubtful(kWrite | kDenyOom, doubtful));
  EXPECT_TRUE(is_doubtful(kAdmin, doubtful));
}

TEST(Gates, ShortMemoryRefusesWhatTakesMoreAndWhatIsQueued) {
  const std::vector<CommandFamily<Call>> families = server_families();
  const ServerCommands commands(families);
  State state(0);
  const auto refused = [&](std::string_view name, const Session& session) {
    const CommandEntry* command = commands.find(name);
    return enough_memory({.command = *command,
                          .flags = command->flags,
                          .session = session,
                          .config = state.config,
                          .replication = state.replication,
                          .snapshots = state.snapshots,
                          .loading = false,
                          .from_primary = false,
                          .memory_exceeded = true})
        .has_value();
  };
  Session session;
  EXPECT_TRUE(refused("set", session));
  EXPECT_TRUE(refused("sadd", session));
  EXPECT_FALSE(refused("get", session));
  EXPECT_FALSE(refused("del", session));
  session.transaction = std::make_unique<Transaction>();
  session.transaction->open = true;
  EXPECT_TRUE(refused("get", session));
  EXPECT_TRUE(refused("del", session));
  for (const char* name : {"exec", "discard", "multi", "watch", "unwatch", "reset"}) {
    EXPECT_FALSE(refused(name, session)) << name;
  }
}

TEST(Gates, OnlyAClientWithoutAHistoryIsOrdinary) {
  const auto ordinary = [](auto change) {
    Session session;
    session.authenticated = session.unlimited = true;
    change(session);
    return is_ordinary(session);
  };
  EXPECT_TRUE(ordinary([](Session&) {}));
  EXPECT_FALSE(ordinary([](Session& s) { s.unlimited = false; }));
  EXPECT_FALSE(ordinary([](Session& s) { s.kind = ClientKind::kReplica; }));
  EXPECT_FALSE(ordinary([](Session& s) { s.kind = ClientKind::kPrimary; }));
  EXPECT_FALSE(ordinary([](Session& s) { s.transaction = std::make_unique<Transaction>(); }));
  EXPECT_FALSE(ordinary([](Session& s) { s.subscriptions = std::make_unique<Subscriptions>(); }));
}

}  // namespace
}  // namespace redan
