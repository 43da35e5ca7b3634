// Slots that move with their keys: who owns them, whoever dies on the way. A node's keys are
// played by a set of slots that it holds data of.
#include <gtest/gtest.h>

#include "net.h"

namespace redan::cluster {
namespace {

const MoveId kMove(0xabcd);

SlotSet some_slots() {
  SlotSet slots;
  slots.add(SlotRange{Slot(10), Slot(19)});
  return slots;
}

// Nodes 0, 1 and 2 own slots; 3, 4 and 5 are their replicas. The slots go from 0 to 1.
struct Move {
  std::unique_ptr<Net> net = Net::cluster(3, 3);
  static constexpr int kSource = 0, kTarget = 1, kBystander = 2, kSourceReplica = 3,
                       kTargetReplica = 4;

  IncomingSlots incoming() {
    return {.move = kMove, .from = net->id(kSource), .slots = some_slots()};
  }
  template <class Call>
  void on(int i, Call call) {
    net->with(i, [&](ClusterMachine& m, BusEffects& out) {
      call(m, out);
      return 0;
    });
  }
  std::string begin() {
    const Result<void> done = net->with(kTarget, [&](ClusterMachine& m, BusEffects& out) {
      return m.begin_import(net->now(), incoming(), out);
    });
    on(kTargetReplica,
       [&](ClusterMachine& m, BusEffects& out) { m.note_import(net->now(), incoming(), out); });
    return done ? "OK" : done.error().text();
  }
  void ready() {
    const Result<void> done = net->with(kTarget, [&](ClusterMachine& m, BusEffects& out) {
      return m.import_ready(net->now(), kMove, out);
    });
    ASSERT_TRUE(done.ok());
    IncomingSlots ready = incoming();
    ready.ready = true;
    on(kTargetReplica,
       [&](ClusterMachine& m, BusEffects& out) { m.note_import(net->now(), ready, out); });
  }
  std::string give() {
    const Result<void> done = net->with(kSource, [&](ClusterMachine& m, BusEffects& out) {
      return m.give_slots(net->now(), kMove, net->id(kTarget), some_slots(), out);
    });
    return done ? "OK" : done.error().text();
  }
  void ask(int i) {
    on(i, [&](ClusterMachine& m, BusEffects& out) { m.ask_about_import(net->now(), kMove, out); });
  }
  void loaded(int i) {
    on(i, [&](ClusterMachine& m, BusEffects& out) {
      m.adopt_loaded_slots(net->now(), some_slots(), out);
    });
  }
  // All that live say that the slots are this node's, and nothing is under way any more.
  bool all_at(int owner) {
    for (int i = 0; i < net->size(); ++i) {
      if (net->node(i).down) continue;
      if (!net->view(i).given().empty() || !net->view(i).incoming().empty()) return false;
      bool all = true;
      some_slots().for_each([&](Slot slot) {
        const ClusterNode* is = net->view(i).owner(slot);
        all &=
            is != nullptr && is->id == net->id(owner) && !net->view(i).unclaimed().contains(slot);
      });
      if (!all) return false;
    }
    return true;
  }
  bool comes_to(int owner) {
    return net->run_until([&] { return all_at(owner); });
  }
  size_t drops(int i) {
    size_t n = 0;
    for (const DropSlots& drop : net->events<DropSlots>(i)) {
      n += (drop.slots & some_slots()).size();
    }
    return n;
  }
};

TEST(Handover, TheSlotsChangeHandsAndTheSourceDropsItsKeysAfterTheClaim) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  ASSERT_EQ(move.give(), "OK");
  EXPECT_EQ(move.drops(Move::kSource), 0u) << "nobody claimed them yet";
  EXPECT_EQ(move.net->view(Move::kSource).owner(Slot(10))->id, move.net->id(Move::kTarget));
  move.net->run_for(Millis(20));
  EXPECT_TRUE(move.all_at(Move::kTarget));
  EXPECT_EQ(move.drops(Move::kSource), some_slots().size());
  EXPECT_EQ(move.drops(Move::kTarget) + move.drops(Move::kTargetReplica), 0u);
  EXPECT_EQ(move.net->events<ImportClaimed>(Move::kTarget).size(), 1u);
  EXPECT_EQ(move.net->events<MoveClaimed>(Move::kSource).size(), 1u);
}

TEST(Handover, WhileItRunsTheSlotsAreTheSourcesAndNotOpen) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  EXPECT_FALSE(move.net->view(Move::kTarget).is_moving(Slot(10)));
  EXPECT_EQ(move.net->view(Move::kTarget).owner(Slot(10))->id, move.net->id(Move::kSource));
  EXPECT_EQ(move.begin(), "ERR Slot 10 is being imported already");
}

TEST(Handover, AnAbortedImportLeavesEverythingAsItWas) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  for (const int i : {Move::kTarget, Move::kTargetReplica}) {
    move.on(i, [&](ClusterMachine& m, BusEffects& out) {
      m.end_import(move.net->now(), kMove, "cancelled", out);
    });
  }
  EXPECT_TRUE(move.all_at(Move::kSource));
  EXPECT_EQ(move.drops(Move::kTarget), some_slots().size());
  EXPECT_EQ(move.drops(Move::kTargetReplica), some_slots().size());
}

TEST(Handover, ATargetThatIsNotReadyDeclinesAndTheSourceGoesOn) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  ASSERT_EQ(move.give(), "OK");
  EXPECT_TRUE(move.net->run_until(
      [&] { return !move.net->events<MoveTakenBack>(Move::kSource).empty(); }, Seconds(2)));
  EXPECT_EQ(move.drops(Move::kSource), 0u);
  EXPECT_EQ(move.drops(Move::kTarget), some_slots().size());
}

TEST(Handover, ASourceThatDiesAfterItsDecisionKeepsItsWord) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->cut(Move::kSource, Move::kTarget);
  ASSERT_EQ(move.give(), "OK");
  move.net->kill(Move::kSource);
  move.net->cut(Move::kSource, Move::kTarget, false);
  move.net->restart(Move::kSource);
  move.loaded(Move::kSource);
  EXPECT_TRUE(
      move.net->run_until([&] { return !move.net->events<ImportClaimed>(Move::kTarget).empty(); }));
  EXPECT_TRUE(move.net->run_until([&] { return move.drops(Move::kSource) > 0; }));
}

TEST(Handover, AReplicaThatReplacesTheSourceInheritsWhatWasGiven) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->cut(Move::kSource, Move::kTarget);
  ASSERT_EQ(move.give(), "OK");
  move.net->run_for(Millis(5));
  move.net->kill(Move::kSource);
  EXPECT_TRUE(move.net->run_until(
      [&] { return move.net->view(Move::kSourceReplica).myself().is_primary; }));
  EXPECT_TRUE(
      move.net->run_until([&] { return !move.net->events<ImportClaimed>(Move::kTarget).empty(); }));
  EXPECT_TRUE(move.net->run_until([&] { return move.drops(Move::kSourceReplica) > 0; }));
  EXPECT_EQ(move.net->view(Move::kBystander).owner(Slot(10))->id, move.net->id(Move::kTarget));
}

TEST(Handover, AReplicaThatNeverHeardOfTheDecisionServesTheSlotsItself) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  for (const int i : {1, 2, 3, 4, 5}) move.net->cut(Move::kSource, i);
  ASSERT_EQ(move.give(), "OK");
  move.net->kill(Move::kSource);
  move.ask(Move::kTarget);
  EXPECT_TRUE(
      move.net->run_until([&] { return !move.net->events<ImportOver>(Move::kTarget).empty(); }));
  EXPECT_EQ(move.net->view(Move::kBystander).owner(Slot(10))->id,
            move.net->id(Move::kSourceReplica));
  EXPECT_EQ(move.drops(Move::kTarget), some_slots().size());
}

TEST(Handover, ATargetThatRestartsDeclinesAndTheSourceStillHasEveryKey) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->cut(Move::kSource, Move::kTarget);
  ASSERT_EQ(move.give(), "OK");
  move.net->kill(Move::kTarget);
  move.net->cut(Move::kSource, Move::kTarget, false);
  move.net->restart(Move::kTarget);
  move.loaded(Move::kTarget);
  EXPECT_EQ(move.drops(Move::kTarget), some_slots().size());
  EXPECT_TRUE(move.net->view(Move::kTarget).importing().empty()) << "they are no open slots";
  EXPECT_TRUE(
      move.net->run_until([&] { return !move.net->events<MoveTakenBack>(Move::kSource).empty(); }));
  EXPECT_EQ(move.drops(Move::kSource), 0u);
  EXPECT_TRUE(move.net->run_until([&] {
    return move.net->view(Move::kBystander).owner(Slot(10))->id == move.net->id(Move::kSource) &&
           !move.net->view(Move::kBystander).unclaimed().contains(Slot(10));
  }));
}

TEST(Handover, AReplicaThatReplacesTheTargetFinishesTheMove) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->kill(Move::kTarget);
  ASSERT_EQ(move.give(), "OK");
  EXPECT_TRUE(move.net->run_until(
      [&] { return !move.net->events<ImportClaimed>(Move::kTargetReplica).empty(); }));
  EXPECT_TRUE(move.comes_to(Move::kTargetReplica));
  EXPECT_EQ(move.drops(Move::kSource), some_slots().size());
  EXPECT_EQ(move.drops(Move::kTargetReplica), 0u);
}

TEST(Handover, ATargetThatWasStoppedClaimsNothingBeforeItKnowsWhetherItWasReplaced) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->node(Move::kTarget).down = true;
  ASSERT_EQ(move.give(), "OK");
  const ClusterNode& source = move.net->view(Move::kSource).myself();
  const NodeState word{.shard_id = source.shard_id,
                       .address = move.net->seen(Move::kTarget, Move::kSource)->address,
                       .current_epoch = move.net->view(Move::kSource).current_epoch(),
                       .config_epoch = source.config_epoch,
                       .slots = source.slots,
                       .given = {move.net->view(Move::kSource).given().at(kMove)}};
  ASSERT_TRUE(move.net->run_until(
      [&] { return !move.net->events<ImportClaimed>(Move::kTargetReplica).empty(); }));
  // It goes on, and reads what had come for it.
  move.net->node(Move::kTarget).down = false;
  move.on(Move::kTarget, [&](ClusterMachine& m, BusEffects& out) {
    m.receive(move.net->now(), {.id = move.net->id(Move::kSource)}, word, out);
  });
  EXPECT_TRUE(move.net->events<ImportClaimed>(Move::kTarget).empty());
  ASSERT_TRUE(
      move.net->run_until([&] { return !move.net->view(Move::kTarget).myself().is_primary; }));
  EXPECT_TRUE(move.comes_to(Move::kTargetReplica));
  EXPECT_TRUE(move.net->events<ImportClaimed>(Move::kTarget).empty());
  EXPECT_EQ(move.drops(Move::kTargetReplica), 0u);
}

TEST(Handover, ATargetThatWasStoppedForAMomentClaimsALittleLater) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->node(Move::kTarget).down = true;
  ASSERT_EQ(move.give(), "OK");
  move.net->run_for(Net::kTimeout * 3 / 4);
  move.net->node(Move::kTarget).down = false;
  EXPECT_TRUE(
      move.net->run_until([&] { return !move.net->events<ImportClaimed>(Move::kTarget).empty(); }));
  EXPECT_TRUE(move.comes_to(Move::kTarget));
}

TEST(Handover, AReplicaWithoutTheKeysDeclinesForItsShard) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.on(Move::kTargetReplica,
          [&](ClusterMachine& m, BusEffects& out) { m.data_replaced(move.net->now(), out); });
  move.net->kill(Move::kTarget);
  ASSERT_EQ(move.give(), "OK");
  EXPECT_TRUE(move.comes_to(Move::kSource));
  EXPECT_EQ(move.drops(Move::kSource), 0u);
  EXPECT_EQ(move.drops(Move::kTargetReplica), some_slots().size());
}

TEST(Handover, ATargetThatLostTheConnectionIsToldThatNothingWasGiven) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.ask(Move::kTarget);
  move.net->run_for(Millis(50));
  EXPECT_EQ(move.net->events<MoveAsked>(Move::kSource).size(), 1u)
      << "the source has to end its part before it answers";
  const auto over = move.net->events<ImportOver>(Move::kTarget);
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].why, "the source did not give its slots away");
}

TEST(Handover, WhatIsGivenAndNotClaimedIsNoLeftOverOfTheSourcesHeir) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  for (const int i : {Move::kSource, Move::kSourceReplica}) move.net->cut(Move::kTarget, i);
  ASSERT_EQ(move.give(), "OK");
  move.net->run_for(Millis(20));
  move.net->node(Move::kSourceReplica).with_keys = some_slots();
  move.on(Move::kSourceReplica, [&](ClusterMachine& m, BusEffects& out) {
    ASSERT_TRUE(m.failover(move.net->now(), FailoverMode::kTakeover, out).ok());
  });
  EXPECT_TRUE(move.net->machine(Move::kSourceReplica).leftovers().empty());
  move.net->run_for(Seconds(5));
  EXPECT_EQ(move.drops(Move::kSourceReplica), 0u) << "the claim was not seen";
  for (const int i : {Move::kSource, Move::kSourceReplica}) move.net->cut(Move::kTarget, i, false);
  EXPECT_TRUE(
      move.net->run_until([&] { return move.drops(Move::kSourceReplica) == some_slots().size(); }));
}

TEST(Handover, AReplicaThatTakesOverDropsWhatCameOfAnImportThatCameToNothing) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.on(Move::kTarget, [&](ClusterMachine& m, BusEffects& out) {
    m.end_import(move.net->now(), kMove, "cancelled", out);
  });
  move.on(Move::kTargetReplica, [&](ClusterMachine& m, BusEffects& out) {
    m.forget_import(move.net->now(), kMove, out);  // It is told before the keys are gone.
  });
  move.net->run_for(Millis(300));
  EXPECT_EQ(move.drops(Move::kTargetReplica), 0u) << "its primary says which keys go";
  move.net->node(Move::kTargetReplica).with_keys = some_slots();
  move.net->kill(Move::kTarget);
  EXPECT_TRUE(move.net->run_until(
      [&] { return move.net->view(Move::kTargetReplica).myself().is_primary; }));
  EXPECT_EQ(move.net->machine(Move::kTargetReplica).leftovers(), some_slots());
  EXPECT_TRUE(
      move.net->run_until([&] { return move.drops(Move::kTargetReplica) == some_slots().size(); }));
  EXPECT_TRUE(move.net->machine(Move::kTargetReplica).leftovers().empty());
}

TEST(Handover, AReplicaThatTakesOverDropsWhatItsPrimaryWasGivenAndDidNotWant) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.net->cut(Move::kTarget, Move::kSource);
  ASSERT_EQ(move.give(), "OK");
  move.on(Move::kTargetReplica, [&](ClusterMachine& m, BusEffects& out) {
    m.forget_import(move.net->now(), kMove, out);
  });
  move.net->run_for(Millis(20));
  ASSERT_TRUE(move.net->view(Move::kTargetReplica).unclaimed().contains(Slot(10)));
  move.net->node(Move::kTargetReplica).with_keys = some_slots();
  move.on(Move::kTargetReplica, [&](ClusterMachine& m, BusEffects& out) {
    ASSERT_TRUE(m.failover(move.net->now(), FailoverMode::kTakeover, out).ok());
  });
  EXPECT_EQ(move.drops(Move::kTargetReplica), 0u);
  move.net->cut(Move::kTarget, Move::kSource, false);
  EXPECT_TRUE(
      move.net->run_until([&] { return move.drops(Move::kTargetReplica) == some_slots().size(); }));
  EXPECT_TRUE(move.comes_to(Move::kSource));
  EXPECT_EQ(move.drops(Move::kSource), 0u);
}

TEST(Handover, ASourceThatMissedTheClaimGetsNothingBack) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  ASSERT_EQ(move.give(), "OK");
  move.net->kill(Move::kSource);
  move.net->run_for(Millis(20));
  // Meanwhile the slots go further.
  const MoveId next(0xbbbb);
  move.on(Move::kBystander, [&](ClusterMachine& m, BusEffects& out) {
    const IncomingSlots import{
        .move = next, .from = move.net->id(Move::kTarget), .slots = some_slots()};
    ASSERT_TRUE(m.begin_import(move.net->now(), import, out).ok());
    ASSERT_TRUE(m.import_ready(move.net->now(), next, out).ok());
  });
  move.on(Move::kTarget, [&](ClusterMachine& m, BusEffects& out) {
    ASSERT_TRUE(
        m.give_slots(move.net->now(), next, move.net->id(Move::kBystander), some_slots(), out)
            .ok());
  });
  move.net->run_for(Millis(20));
  move.net->restart(Move::kSource);
  move.loaded(Move::kSource);
  EXPECT_TRUE(move.comes_to(Move::kBystander));
  EXPECT_TRUE(move.net->events<MoveTakenBack>(Move::kSource).empty());
}

TEST(Handover, AReplicaKeepsItsNoteUntilItSeesTheClaim) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  EXPECT_EQ(move.net->view(Move::kTargetReplica).incoming().size(), 1u);
  ASSERT_EQ(move.give(), "OK");
  EXPECT_TRUE(move.comes_to(Move::kTarget));
  EXPECT_TRUE(move.net->view(Move::kTargetReplica).incoming().empty());
  EXPECT_EQ(move.drops(Move::kTargetReplica), 0u);
}

TEST(Handover, WhatIsOnItsWayOutCannotComeBackAtOnce) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->cut(Move::kTarget, Move::kSource);
  ASSERT_EQ(move.give(), "OK");
  move.net->run_for(Millis(20));
  // The claim is made, but was not seen: what came back now would be dropped with the old keys.
  IncomingSlots back = move.incoming();
  back.move = MoveId(0xbbbb);
  back.from = move.net->id(Move::kTarget);
  move.on(Move::kSource, [&](ClusterMachine& m, BusEffects& out) {
    const Result<void> done = m.begin_import(move.net->now(), back, out);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().text(), "ERR Slot 10 is on its way from here to " + back.from.hex() +
                                       " still: try again soon");
  });
}

TEST(Handover, AnOldDeclineDoesNotTouchAClaim) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  ASSERT_EQ(move.give(), "OK");
  move.net->run_for(Millis(20));
  move.on(Move::kSource, [&](ClusterMachine& m, BusEffects& out) {
    m.receive(move.net->now(), {.id = move.net->id(Move::kTarget)},
              HandoverWord{.move = kMove, .kind = HandoverWord::Kind::kDeclined}, out);
  });
  EXPECT_EQ(move.net->view(Move::kSource).owner(Slot(10))->id, move.net->id(Move::kTarget));
}

TEST(Handover, AnOldClaimOfTheTargetIsNoReasonToDropTheKeys) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->cut(Move::kSource, Move::kTarget);
  ASSERT_EQ(move.give(), "OK");
  NodeState old{.shard_id = move.net->view(1).myself().shard_id, .config_epoch = Epoch(1)};
  old.slots = move.net->view(1).myself().slots | some_slots();
  move.on(Move::kSource, [&](ClusterMachine& m, BusEffects& out) {
    m.receive(move.net->now(), {.id = move.net->id(Move::kTarget)}, old, out);
  });
  EXPECT_EQ(move.drops(Move::kSource), 0u);
  EXPECT_EQ(move.net->view(Move::kSource).given().size(), 1u);
}

TEST(Handover, ASourceThatGivesItsLastSlotFollowsTheTargetOnlyAfterTheClaim) {
  Move move;
  const SlotSet all = move.net->view(0).myself().slots;
  IncomingSlots import = move.incoming();
  import.slots = all;
  move.on(Move::kTarget, [&](ClusterMachine& m, BusEffects& out) {
    ASSERT_TRUE(m.begin_import(move.net->now(), import, out).ok());
    ASSERT_TRUE(m.import_ready(move.net->now(), kMove, out).ok());
  });
  move.on(Move::kSource, [&](ClusterMachine& m, BusEffects& out) {
    ASSERT_TRUE(m.give_slots(move.net->now(), kMove, move.net->id(Move::kTarget), all, out).ok());
  });
  EXPECT_TRUE(move.net->view(Move::kSource).myself().is_primary);
  EXPECT_TRUE(
      move.net->run_until([&] { return !move.net->view(Move::kSource).myself().is_primary; }));
  EXPECT_EQ(move.net->view(Move::kSource).myself().primary, move.net->id(Move::kTarget));
  EXPECT_TRUE(move.net->view(Move::kSource).given().empty());
}

TEST(Handover, ATargetThatIsForgottenGivesNothingBackSoTheSourceTakesIt) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->kill(Move::kTarget);
  move.net->kill(Move::kTargetReplica);
  ASSERT_EQ(move.give(), "OK");
  move.on(Move::kSource, [&](ClusterMachine& m, BusEffects& out) {
    ASSERT_TRUE(m.forget(move.net->now(), move.net->id(Move::kTarget), out).ok());
  });
  EXPECT_EQ(move.net->view(Move::kSource).owner(Slot(10))->id, move.net->id(Move::kSource));
  EXPECT_TRUE(move.net->view(Move::kSource).given().empty());
}

TEST(Handover, TheOperatorsHandEndsIt) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  move.ready();
  move.net->cut(Move::kSource, Move::kTarget);
  ASSERT_EQ(move.give(), "OK");
  some_slots().for_each([&](Slot slot) {
    move.on(Move::kSource, [&](ClusterMachine& m, BusEffects& out) {
      ASSERT_TRUE(m.set_slot_node(move.net->now(), slot, move.net->id(0), 3, out).ok());
    });
  });
  EXPECT_TRUE(move.net->view(Move::kSource).given().empty());
  EXPECT_EQ(move.net->events<MoveTakenBack>(Move::kSource).size(), 1u);
  move.net->cut(Move::kSource, Move::kTarget, false);
  move.ask(Move::kTarget);
  EXPECT_TRUE(
      move.net->run_until([&] { return !move.net->events<ImportOver>(Move::kTarget).empty(); }));
}

TEST(Handover, RefusalsSayWhy) {
  Move move;
  EXPECT_EQ(move.give(), "OK");
  EXPECT_EQ(move.give(), "ERR Slots 10-19 are not mine any more");
  Move other;
  other.net->kill(Move::kTarget);
  other.net->run_for(Seconds(2));
  EXPECT_NE(other.give(), "OK");
  IncomingSlots import = other.incoming();
  import.from = NodeId(77);
  other.on(Move::kBystander, [&](ClusterMachine& m, BusEffects& out) {
    const Result<void> done = m.begin_import(other.net->now(), import, out);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().text(),
              "ERR Node " + NodeId(77).hex() + " is no other master that I know");
  });
}

TEST(Handover, AFileKeepsWhatIsUnderWay) {
  Move move;
  ASSERT_EQ(move.begin(), "OK");
  EXPECT_EQ(move.give(), "OK");
  const NodesFile source = NodesFile::parse(move.net->machine(0).config_text()).take();
  ASSERT_EQ(source.given.size(), 1u);
  EXPECT_EQ(source.given[0], move.net->view(0).given().at(kMove));
  const NodesFile target = NodesFile::parse(move.net->machine(1).config_text()).take();
  ASSERT_EQ(target.incoming.size(), 1u);
  EXPECT_EQ(target.incoming[0], move.incoming());
  const std::string id = kMove.hex();
  const auto error = [](const std::string& line) {
    const Result<NodesFile> read = NodesFile::parse(line);
    return read ? "" : read.error().message();
  };
  EXPECT_EQ(error("given " + id),
            "nodes.conf line 1: \"given\" begins a hand-over that is cut off");
  EXPECT_EQ(error("given x " + id + " 1 5"), "nodes.conf line 1: \"x\" is no move's id");
  EXPECT_EQ(error("given " + id + " " + id + " e 5"), "nodes.conf line 1: \"e\" is no epoch");
  EXPECT_EQ(error("incoming " + id + " x 5"), "nodes.conf line 1: \"x\" is no node's id");
  EXPECT_EQ(error("incoming " + id + " " + id + " 5-x"),
            "nodes.conf line 1: \"5-x\" is no range of slots");
}

}  // namespace
}  // namespace redan::cluster
