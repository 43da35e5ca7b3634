// Failure, election, manual failover, and what they leave behind.
#include <gtest/gtest.h>

#include <algorithm>

#include "net.h"

namespace redan::cluster {
namespace {

TEST(Failover, AReplicaTakesOverFromAKilledPrimary) {
  auto net = Net::cluster(3, 3);
  const Instant before = net->now();
  net->kill(0);
  ASSERT_TRUE(net->run_until([&] { return net->view(3).myself().is_primary; }));
  const Nanos took = net->now() - before;
  EXPECT_LT(took, Millis(1'300));
  EXPECT_EQ(net->events<BecomePrimary>(3).size(), 1u);
  ASSERT_TRUE(net->run_until([&] { return net->all_ok(); }, Seconds(2)));
  for (int i = 1; i < 6; ++i) EXPECT_EQ(net->view(i).owner(Slot(0))->id, net->id(3)) << i;
  EXPECT_GT(net->view(3).myself().config_epoch, Epoch(3));
  // The old one comes back and follows.
  net->restart(0);
  ASSERT_TRUE(net->run_until([&] { return !net->view(0).myself().is_primary; }));
  EXPECT_EQ(net->view(0).myself().primary, net->id(3));
  EXPECT_EQ(net->events<Follow>(0).back().primary, net->id(3));
}

TEST(Failover, WhoHeardNothingEitherAgreesWithTheFirstWhoWaitedATimeout) {
  auto net = Net::cluster(5, 5);
  net->run_for(Millis(3'300));
  net->isolate(0);  // No stream ends: nobody is told.
  const auto suspects = [&](int i) { return net->seen(i, 0)->suspected(); };
  ASSERT_TRUE(
      net->run_until([&] { return suspects(1) || suspects(2) || suspects(3) || suspects(4); }));
  const Instant first = net->now();
  int asked_later = 0;
  for (int i = 1; i < 5; ++i) {
    const std::optional<Instant> asked = net->seen(i, 0)->ping_sent;
    asked_later += asked && first - *asked < Net::kTimeout - Millis(50);
  }
  EXPECT_GE(asked_later, 1) << "somebody would still have to wait by himself";
  ASSERT_TRUE(net->run_until([&] {
    for (int i = 1; i < 5; ++i) {
      if (!net->seen(i, 0)->failed()) return false;
    }
    return true;
  }));
  EXPECT_LE(net->now() - first, Millis(20));
}

TEST(Failover, OneWhoAloneHearsNothingConvincesNobody) {
  auto net = Net::cluster(5, 5);
  net->cut(0, 1);
  net->run_for(Seconds(10));
  EXPECT_TRUE(net->seen(1, 0)->suspected());
  for (int i = 2; i < 5; ++i) EXPECT_FALSE(net->seen(i, 0)->suspected()) << i;
  EXPECT_FALSE(net->seen(1, 0)->failed());
}

TEST(Failover, TheReplicaThatIsFurthestTakesOver) {
  auto net = Net::cluster(3, 6);  // 3 and 6 follow 0.
  net->node(3).facts.offset = 100;
  net->node(6).facts.offset = 900;
  net->run_for(Seconds(2));
  net->kill(0);
  ASSERT_TRUE(net->run_until([&] { return net->view(6).myself().is_primary; }));
  net->run_for(Seconds(1));
  EXPECT_FALSE(net->view(3).myself().is_primary);
  EXPECT_EQ(net->view(3).myself().primary, net->id(6));
}

TEST(Failover, WhoHasNotTheDataOfItsShardYetStaysAReplica) {
  auto net = Net::cluster(3, 4);  // 3 and 6 follow 0, 4 follows 1.
  net->node(4).facts.offset = 100;
  net->node(6).facts.offset = 900;
  net->run_for(Seconds(2));
  net->node(6).facts.link_up = false;  // Of the shard that it comes to, it gets nothing.
  ASSERT_TRUE(net->with(6, [&](ClusterMachine& m, BusEffects& out) {
    return m.replicate(net->now(), net->id(1), false, out);
  }));
  net->run_for(Seconds(1));
  const auto failover = [&](FailoverMode mode) {
    return net->with(
        6, [&](ClusterMachine& m, BusEffects& out) { return m.failover(net->now(), mode, out); });
  };
  EXPECT_FALSE(failover(FailoverMode::kGraceful));
  EXPECT_FALSE(failover(FailoverMode::kForce));
  net->kill(1);
  ASSERT_TRUE(net->run_until([&] { return net->view(4).myself().is_primary; }));
  net->run_for(Seconds(1));
  EXPECT_FALSE(net->view(6).myself().is_primary);
  EXPECT_EQ(net->view(6).myself().primary, net->id(4));
  // Alone it waits, until it is in sync.
  net->kill(4);
  net->run_for(Seconds(5));
  EXPECT_FALSE(net->view(6).myself().is_primary);
  net->node(6).facts.link_up = true;
  EXPECT_TRUE(net->run_until([&] { return net->view(6).myself().is_primary; }));
}

TEST(Failover, AMinorityIsNoMajorityWhileNewsOfOtherFailoversComeIn) {
  auto net = Net::cluster(5, 5);  // 5 follows 0, 8 follows 3, 9 follows 4.
  net->run_for(Seconds(1));
  for (const int away : {3, 4}) net->cut(5, away), net->cut(away, 5);
  net->kill(0);
  ASSERT_TRUE(net->run_until([&] { return net->view(1).last_vote_epoch() > Epoch(0); }));
  net->run_for(Millis(50));
  ASSERT_FALSE(net->view(5).myself().is_primary) << "two votes of five";
  // It hears that 3 and 4 are replicas now, and not yet who has their slots.
  for (const int now_replica : {3, 4}) {
    net->with(5, [&](ClusterMachine& m, BusEffects& out) {
      const NodeState state{.shard_id = net->id(now_replica),
                            .address = net->seen(5, now_replica)->address,
                            .is_primary = false,
                            .primary = net->id(now_replica + 5)};
      m.receive(net->now(), {.id = net->id(now_replica)}, state, out);
      return 0;
    });
  }
  EXPECT_EQ(net->view(5).size(), 3u);
  net->run_for(Millis(400));
  EXPECT_FALSE(net->view(5).myself().is_primary);
}

TEST(Failover, ReplicasWithOldDataOrTheirOperatorsVetoStayReplicas) {
  auto net = Net::cluster(3, 1);
  net->node(3).follow_clock = false;
  net->node(3).facts = {.offset = 1, .link_up = false, .contact = net->now()};
  net->run_for(Seconds(60));
  net->kill(0);
  net->run_for(Seconds(20));
  EXPECT_FALSE(net->view(3).myself().is_primary);

  auto veto = Net::cluster(3, 1);
  veto->node(3).options.replica_no_failover = true;
  veto->with(3, [&](ClusterMachine& m, BusEffects& out) {
    m.configure(veto->now(), veto->node(3).options, out);
    return 0;
  });
  veto->run_for(Seconds(1));
  EXPECT_TRUE(veto->seen(0, 3)->nofailover);
  veto->kill(0);
  veto->run_for(Seconds(20));
  EXPECT_FALSE(veto->view(3).myself().is_primary);
}

TEST(Failover, AVoteIsOnDiskBeforeItLeavesAndIsNotGivenTwice) {
  auto net = Net::cluster(3, 6);
  net->kill(0);
  ASSERT_TRUE(net->run_until([&] { return net->seen(1, 0)->failed(); }));
  const VoteRequest request{.epoch = Epoch(50), .config_epoch = Epoch(1)};
  BusEffects out;
  net->machine(1).receive(net->now(), {.id = net->id(3)}, request, out);
  bool persisted = false, voted = false;
  for (const auto& effect : out.take()) {
    if (const auto* persist = std::get_if<BusEffects::Persist>(&effect)) {
      EXPECT_NE(persist->state.find("lastVoteEpoch 50"), std::string::npos);
      persisted = true;
    }
    const auto* sent = std::get_if<BusEffects::Send>(&effect);
    if (sent == nullptr || !std::holds_alternative<Vote>(sent->message)) continue;
    EXPECT_TRUE(persisted);
    EXPECT_EQ(sent->to.to, net->id(3));
    voted = true;
  }
  EXPECT_TRUE(voted);
  const auto answers = [&](int candidate) {
    BusEffects more;
    net->machine(1).receive(net->now(), {.id = net->id(candidate)}, request, more);
    size_t votes = 0;
    for (const auto& effect : more.take()) {
      const auto* sent = std::get_if<BusEffects::Send>(&effect);
      votes += sent != nullptr && std::holds_alternative<Vote>(sent->message);
    }
    return votes;
  };
  EXPECT_EQ(answers(6), 0u) << "the epoch is given away";
  EXPECT_EQ(answers(3), 1u) << "the same answer to the same question";
}

TEST(Failover, AWinnerHasGivenItsOwnVoteInTheEpochThatItWon) {
  auto net = Net::cluster(3, 3);
  net->kill(0);
  ASSERT_TRUE(net->run_until([&] { return net->view(3).myself().is_primary; }));
  EXPECT_GE(net->view(3).last_vote_epoch(), net->view(3).myself().config_epoch);
}

TEST(Failover, AMinorityNeitherFailsAnybodyNorServes) {
  auto net = Net::cluster(3, 3);
  net->isolate(0);
  net->run_for(Seconds(3));
  EXPECT_FALSE(net->view(0).ok());
  EXPECT_FALSE(net->seen(0, 1)->failed());
  EXPECT_TRUE(net->seen(0, 1)->suspected());
  EXPECT_TRUE(net->view(3).myself().is_primary);
  net->isolate(0, false);
  ASSERT_TRUE(net->run_until([&] { return !net->view(0).myself().is_primary && net->all_ok(); }));
}

TEST(Failover, ANewClusterServesOnceItsSlotsAreKnownForItHasLostNoMajority) {
  Net net(3);
  net.run_for(Seconds(1));
  for (int i = 0; i < 3; ++i) {
    SlotSet slots;
    slots.add(SlotRange{Slot(static_cast<uint16_t>(5000 * i)),
                        Slot(static_cast<uint16_t>(i == 2 ? kSlotCount - 1 : 5000 * i + 4999))});
    ASSERT_TRUE(net.with(i, [&](ClusterMachine& m, BusEffects& out) {
      const Result<void> added = m.add_slots(net.now(), slots, out);
      return added ? m.set_config_epoch(net.now(), i + 1, out) : added;
    }));
  }
  net.meet(0, 1);
  net.meet(0, 2);
  EXPECT_TRUE(net.run_until([&] { return net.all_ok(); }, Net::kTimeout / 2));
}

TEST(Failover, APrimaryWithoutReplicasIsTakenBackWhenItReturns) {
  auto net = Net::cluster(3, 0);
  net->kill(0);
  ASSERT_TRUE(net->run_until([&] { return net->seen(1, 0)->failed(); }));
  EXPECT_TRUE(net->run_until([&] { return !net->view(1).ok(); }));
  net->restart(0);
  EXPECT_FALSE(net->view(0).ok()) << "it waits before it accepts writes";
  EXPECT_TRUE(net->run_until([&] { return net->all_ok(); }));
}

TEST(Failover, ManualFailoverWaitsForTheOffsets) {
  auto net = Net::cluster(3, 3);
  net->node(0).facts.offset = 500;
  net->node(3).facts.offset = 400;
  ASSERT_TRUE(net->with(3, [&](ClusterMachine& m, BusEffects& out) {
    return m.failover(net->now(), FailoverMode::kGraceful, out);
  }));
  net->run_for(Seconds(1));
  ASSERT_EQ(net->events<PauseWrites>(0).size(), 1u);
  EXPECT_FALSE(net->view(3).myself().is_primary) << "it lacks a hundred bytes";
  net->node(3).facts.offset = 500;
  ASSERT_TRUE(net->run_until([&] { return net->view(3).myself().is_primary; }, Millis(100)));
  ASSERT_TRUE(net->run_until([&] { return !net->view(0).myself().is_primary; }, Millis(100)));
  // First the role changes, then the clients go on: nobody writes into the past.
  const auto& events = net->node(0).events;
  size_t follow = 0, resume = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    if (std::holds_alternative<Follow>(events[i])) follow = i;
    if (std::holds_alternative<ResumeWrites>(events[i])) resume = i;
  }
  EXPECT_GT(follow, 0u);
  EXPECT_GT(resume, follow);
}

TEST(Failover, AManualFailoverThatCannotEndLetsTheWritersGo) {
  auto net = Net::cluster(3, 3);
  net->node(0).facts.offset = 500;
  ASSERT_TRUE(net->with(3, [&](ClusterMachine& m, BusEffects& out) {
    return m.failover(net->now(), FailoverMode::kGraceful, out);
  }));
  net->run_for(Seconds(6));
  EXPECT_EQ(net->events<ResumeWrites>(0).size(), 1u);
  EXPECT_TRUE(net->view(0).myself().is_primary);
  EXPECT_FALSE(net->view(3).myself().is_primary);
}

TEST(Failover, ForceDoesNotAskThePrimaryAndTakeoverAsksNobody) {
  auto net = Net::cluster(3, 3);
  net->node(0).facts.offset = 500;
  ASSERT_TRUE(net->with(3, [&](ClusterMachine& m, BusEffects& out) {
    return m.failover(net->now(), FailoverMode::kForce, out);
  }));
  ASSERT_TRUE(net->run_until([&] { return net->view(3).myself().is_primary; }, Millis(200)));
  EXPECT_TRUE(net->events<PauseWrites>(0).empty());
  net->isolate(4);
  const Epoch highest = net->view(4).current_epoch();
  ASSERT_TRUE(net->with(4, [&](ClusterMachine& m, BusEffects& out) {
    return m.failover(net->now(), FailoverMode::kTakeover, out);
  }));
  EXPECT_TRUE(net->view(4).myself().is_primary);
  EXPECT_GT(net->view(4).myself().config_epoch, highest);
  net->isolate(4, false);
  EXPECT_TRUE(net->run_until([&] { return net->all_ok() && !net->view(1).myself().is_primary; }));
}

TEST(Failover, ManualFailoverRefusesWhatMakesNoSense) {
  auto net = Net::cluster(3, 1);
  const auto failover = [&](int i, FailoverMode mode) {
    const Result<void> done = net->with(
        i, [&](ClusterMachine& m, BusEffects& out) { return m.failover(net->now(), mode, out); });
    return done ? std::string("OK") : done.error().text();
  };
  EXPECT_EQ(failover(0, FailoverMode::kGraceful),
            "ERR You should send CLUSTER FAILOVER to a replica");
  net->kill(0);
  EXPECT_EQ(failover(3, FailoverMode::kGraceful),
            "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE");
}

TEST(Failover, WhoseMasterLeadsNothingAnyMoreDoesNotTakeOver) {
  auto net = Net::cluster(3, 6);  // 3 and 6 follow 0.
  const auto take_over = [&](int i) {
    return net->with(i, [&](ClusterMachine& m, BusEffects& out) {
      return m.failover(net->now(), FailoverMode::kTakeover, out);
    });
  };
  net->cut(3, 6);  // It hears from 0 that 0 is a replica now, and from nobody who has its slots.
  ASSERT_TRUE(take_over(3));
  ASSERT_TRUE(net->run_until([&] { return !net->seen(6, 0)->is_primary; }));
  const Result<void> refused = take_over(6);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "ERR My master owns no slots: there is nothing to take over");
  EXPECT_FALSE(net->view(6).myself().is_primary);
  net->cut(3, 6, false);
  EXPECT_TRUE(net->run_until([&] { return net->view(6).myself().primary == net->id(3); }));
}

TEST(Failover, VotesThatComeWhenAnotherHasTakenOverAreNoVictory) {
  auto net = Net::cluster(3, 6);  // 3 and 6 follow 0.
  net->node(6).facts.offset = 900;
  net->run_for(Seconds(2));
  net->kill(0);
  const Epoch before = net->view(6).current_epoch();
  ASSERT_TRUE(net->run_until([&] { return net->view(6).current_epoch() > before; }));
  const Epoch epoch = net->view(6).current_epoch();
  for (const int voter : {1, 2}) net->cut(voter, 6);
  ASSERT_TRUE(net->run_until([&] { return net->view(1).last_vote_epoch() == epoch; }));
  net->with(6, [&](ClusterMachine& m, BusEffects& out) {
    const NodeState replaced{.shard_id = net->view(0).myself().shard_id,
                             .address = net->seen(6, 0)->address,
                             .is_primary = false,
                             .primary = net->id(3)};
    m.receive(net->now(), {.id = net->id(0)}, replaced, out);
    for (const int voter : {1, 2}) m.receive(net->now(), {.id = net->id(voter)}, Vote{epoch}, out);
    return 0;
  });
  net->run_for(Millis(50));
  EXPECT_FALSE(net->view(6).myself().is_primary);
}

TEST(Failover, AReplicaTakesOverFromAPrimaryThatCameBackWithoutItsData) {
  auto net = Net::cluster(3, 6);  // 3 and 6 follow 0.
  net->node(3).facts.offset = 100;
  net->node(6).facts.offset = 900;
  net->run_for(Seconds(2));
  net->kill(0);
  net->restart(0);
  for (const int replica : {3, 6}) {
    net->node(replica).follow_clock = false;
    net->node(replica).facts.link_up = false;
    net->node(replica).facts.refused = true;
  }
  ASSERT_TRUE(net->run_until([&] { return net->view(6).myself().is_primary; }, Seconds(2)));
  for (const int replica : {3, 6}) net->node(replica).facts = {.offset = 900, .link_up = true};
  EXPECT_FALSE(net->seen(1, 0)->failed()) << "nobody took it for dead";
  ASSERT_TRUE(net->run_until([&] { return !net->view(0).myself().is_primary; }));
  EXPECT_EQ(net->view(0).myself().primary, net->id(6));
  EXPECT_TRUE(net->run_until([&] { return net->all_ok(); }));
  EXPECT_FALSE(net->view(3).myself().is_primary);
}

TEST(Failover, AReplicaThatMayNotTakeOverDoesNotFromAnEmptiedPrimaryEither) {
  auto net = Net::cluster(3, 3);
  net->node(3).options.replica_no_failover = true;
  net->with(3, [&](ClusterMachine& m, BusEffects& out) {
    m.configure(net->now(), net->node(3).options, out);
    return 0;
  });
  net->node(3).facts.refused = true;
  net->run_for(Seconds(10));
  EXPECT_FALSE(net->view(3).myself().is_primary);
}

TEST(Failover, AnOrphanGetsASpareReplica) {
  auto net = Net::cluster(3, 5);  // 3,6 follow 0; 4,7 follow 1; 5 follows 2.
  net->kill(5);
  ASSERT_TRUE(net->run_until([&] {
    return net->view(3).myself().primary == net->id(2) ||
           net->view(4).myself().primary == net->id(2);
  }));
  net->run_for(Seconds(10));
  EXPECT_EQ(net->view(0).replicas_of(net->id(2)).size(), 2u) << "one came, not more";
}

TEST(Failover, AStalledProcessBlamesNobody) {
  auto net = Net::cluster(3, 0);
  net->run_for(Millis(100));
  BusEffects out;
  net->machine(0).tick(net->now() + Seconds(30), out);
  EXPECT_FALSE(net->seen(0, 1)->suspected());
  EXPECT_FALSE(net->seen(0, 2)->suspected());
}

TEST(ManualFailover, TheReplicaGivesUpBeforeWritesGoOn) {
  auto net = Net::cluster(3, 3);
  net->node(0).facts.offset = 500;
  net->node(3).facts.offset = 400;  // It never gets the rest.
  net->run_for(Seconds(1));
  ASSERT_TRUE(net->with(3, [&](ClusterMachine& m, BusEffects& out) {
    return m.failover(net->now(), FailoverMode::kGraceful, out);
  }));
  const Instant began = net->now();
  const auto resumed = [&] { return !net->events<ResumeWrites>(0).empty(); };
  const auto gave_up = [&] {
    const auto logs = net->events<Log>(3);
    return std::any_of(logs.begin(), logs.end(),
                       [](const Log& log) { return log.text == "Manual failover timed out."; });
  };
  ASSERT_TRUE(net->run_until(gave_up));
  // By more than two clocks can differ in that time, one 5 % fast, the other 5 % slow.
  EXPECT_LT(net->now() - began, Millis(4'510));
  EXPECT_FALSE(resumed());
  ASSERT_TRUE(net->run_until(resumed));
  EXPECT_GE(net->now() - began, Seconds(5));
  EXPECT_FALSE(net->view(3).myself().is_primary);
}

}  // namespace
}  // namespace redan::cluster
