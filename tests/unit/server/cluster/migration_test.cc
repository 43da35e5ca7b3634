// Both ends of a streaming migration, each by itself: what it asks for, and when it gives up.
#include <gtest/gtest.h>

#include "server/cluster/migration_source.h"
#include "server/cluster/migration_target.h"

namespace redan {
namespace {

using Source = MigrationSource;
using Target = MigrationTarget;

const Instant t0{Seconds(100)};

template <class E, class Out>
size_t count(const Out& out) {
  size_t n = 0;
  for (const auto& effect : out) n += std::holds_alternative<E>(effect);
  return n;
}

template <class Machine>
typename Machine::Finished end_of(const typename Machine::Out& out) {
  for (const auto& effect : out) {
    if (const auto* end = std::get_if<typename Machine::Finished>(&effect)) return *end;
  }
  ADD_FAILURE() << "it goes on";
  return {};
}

// A source whose snapshot of 1000 bytes was sent.
Source streaming(Source::Out& out, Source::Limits limits = {.begin_pause_below = 100}) {
  Source source(limits);
  source.start(t0, out);
  EXPECT_EQ(count<Source::BeginSnapshot>(out), 1u);
  source.snapshot_began(t0);
  source.sent(t0, 1'000, out);
  source.snapshot_done(t0, out);
  EXPECT_EQ(count<Source::SnapshotSent>(out), 1u);
  EXPECT_EQ(source.state(), Source::State::kStreaming);
  return source;
}

Source paused(Source::Out& out) {
  Source source = streaming(out);
  source.acked(t0, 950, out);
  EXPECT_EQ(source.state(), Source::State::kPaused);
  out.clear();
  return source;
}

TEST(MigrationSource, PausesOnlyOnceTheTargetIsNear) {
  Source::Out out;
  Source source = streaming(out);
  source.acked(t0, 800, out);
  EXPECT_EQ(count<Source::PauseWrites>(out), 0u);
  source.acked(t0, 950, out);
  EXPECT_EQ(count<Source::PauseWrites>(out), 1u);
  EXPECT_EQ(count<Source::AllSent>(out), 1u);
}

TEST(MigrationSource, DecidesOnceTheTargetHasEverything) {
  Source::Out out;
  Source source = paused(out);
  source.acked(t0, 1'000, out);
  source.ready(t0 + Millis(3), out);
  ASSERT_EQ(count<Source::Give>(out), 1u);
  EXPECT_FALSE(source.decided());
  source.gave(t0 + Millis(4), std::nullopt, out);
  EXPECT_TRUE(source.decided());
  EXPECT_EQ(count<Source::PauseAll>(out), 1u);
  source.claimed(out);
  EXPECT_EQ(count<Source::Resume>(out), 1u);
  EXPECT_TRUE(end_of<Source>(out).moved);
}

TEST(MigrationSource, AReadyTargetWithoutAllBytesIsNotBelieved) {
  Source::Out out;
  Source source = paused(out);
  source.ready(t0, out);
  EXPECT_EQ(count<Source::Give>(out), 0u);
  EXPECT_EQ(count<Source::Resume>(out), 1u);
  EXPECT_FALSE(end_of<Source>(out).moved);
}

TEST(MigrationSource, ARefusedDecisionLetsTheWritesGoOn) {
  Source::Out out;
  Source source = paused(out);
  source.acked(t0, 1'000, out);
  source.ready(t0, out);
  source.gave(t0, "the cluster is down", out);
  EXPECT_EQ(count<Source::Resume>(out), 1u);
  EXPECT_EQ(end_of<Source>(out).why, "the cluster is down");
}

TEST(MigrationSource, WritesWaitNoLongerThanTheLimit) {
  Source::Out out;
  Source source = paused(out);
  source.acked(t0, 1'000, out);
  source.tick(t0 + Millis(1'999), out);
  EXPECT_TRUE(out.empty());
  source.tick(t0 + Millis(2'000), out);
  EXPECT_EQ(count<Source::Resume>(out), 1u);
  EXPECT_FALSE(end_of<Source>(out).moved);
}

TEST(MigrationSource, AReadyThatComesTooLateIsNoDecision) {
  Source::Out out;
  Source source = paused(out);
  source.acked(t0, 1'000, out);
  source.ready(t0 + Seconds(3), out);
  EXPECT_EQ(count<Source::Give>(out), 0u);
  EXPECT_FALSE(end_of<Source>(out).moved);
}

TEST(MigrationSource, AfterTheDecisionNothingFailsIt) {
  Source::Out out;
  Source source = paused(out);
  source.acked(t0, 1'000, out);
  source.ready(t0, out);
  source.gave(t0, std::nullopt, out);
  out.clear();
  source.fail("the connection ended", out);
  EXPECT_TRUE(out.empty());
  source.tick(t0 + Seconds(1), out);
  EXPECT_EQ(count<Source::Resume>(out), 1u) << "clients are redirected, claimed or not";
  source.taken_back(out);
  EXPECT_EQ(count<Source::Resume>(out), 1u);
  EXPECT_FALSE(end_of<Source>(out).moved);
}

TEST(MigrationSource, ATargetThatDoesNotKeepUpFails) {
  Source::Out out;
  Source source({.most_behind = 5'000});
  source.start(t0, out);
  source.snapshot_began(t0);
  source.sent(t0, 5'001, out);
  EXPECT_EQ(count<Source::EndSnapshot>(out), 1u);
  EXPECT_EQ(end_of<Source>(out).why, "the target does not keep up: it is 5001 bytes behind");
}

TEST(MigrationSource, ASilentTargetFailsUnlessThereIsNothingToSay) {
  Source::Out out;
  Source source = streaming(out, {.begin_pause_below = 0});
  source.acked(t0 + Seconds(9), 999, out);
  source.tick(t0 + Seconds(18), out);
  EXPECT_EQ(source.state(), Source::State::kStreaming);
  source.tick(t0 + Seconds(19), out);
  EXPECT_EQ(end_of<Source>(out).why, "the target does not answer");
}

TEST(MigrationSource, AsksForTheEngineAgainUntilItIsFree) {
  Source::Out out;
  Source source({});
  source.start(t0, out);
  source.tick(t0 + Seconds(30), out);
  EXPECT_EQ(count<Source::BeginSnapshot>(out), 2u);
  source.fail("cancelled", out);
  EXPECT_EQ(count<Source::EndSnapshot>(out), 0u) << "none was begun";
}

Target applying(Target::Out& out) {
  Target target({});
  target.start(t0, out);
  target.connected(t0, out);
  EXPECT_EQ(count<Target::SendStart>(out), 1u);
  target.accepted(t0, out);
  target.snapshot_sent(t0, out);
  EXPECT_EQ(target.state(), Target::State::kStreaming);
  out.clear();
  return target;
}

Target ready(Target::Out& out) {
  Target target = applying(out);
  target.all_sent(t0, out);
  target.replicas_have_it(t0, out);
  EXPECT_EQ(target.state(), Target::State::kReady);
  out.clear();
  return target;
}

TEST(MigrationTarget, IsReadyOnceItsReplicasHaveEverything) {
  Target::Out out;
  Target target = applying(out);
  target.replicas_have_it(t0, out);
  EXPECT_TRUE(out.empty()) << "too early to mean anything";
  target.all_sent(t0, out);
  EXPECT_EQ(count<Target::NoteReady>(out), 1u);
  EXPECT_EQ(count<Target::SendReady>(out), 0u);
  target.replicas_have_it(t0, out);
  EXPECT_EQ(count<Target::SendReady>(out), 1u);
  target.claimed(out);
  EXPECT_EQ(count<Target::EndImport>(out), 0u);
  EXPECT_TRUE(end_of<Target>(out).moved);
}

TEST(MigrationTarget, ReplicasThatDoNotKeepUpEndIt) {
  Target::Out out;
  Target target = applying(out);
  target.all_sent(t0, out);
  target.tick(t0 + Seconds(2), out);
  EXPECT_EQ(count<Target::EndImport>(out), 1u);
  EXPECT_EQ(end_of<Target>(out).why, "our replicas do not keep up");
}

TEST(MigrationTarget, ALostConnectionEndsItUnlessTheSourceMayHaveDecided) {
  Target::Out out;
  Target early = applying(out);
  early.lost(t0, "reset by peer", out);
  EXPECT_EQ(count<Target::EndImport>(out), 1u);
  out.clear();
  Target late = ready(out);
  late.lost(t0, "reset by peer", out);
  EXPECT_EQ(count<Target::EndImport>(out), 0u);
  EXPECT_EQ(count<Target::AskSource>(out), 1u);
  late.over("the source did not give its slots away", out);
  EXPECT_FALSE(end_of<Target>(out).moved);
}

TEST(MigrationTarget, ASourceThatSaysNothingIsAskedOnce) {
  Target::Out out;
  Target target = ready(out);
  target.tick(t0 + Millis(999), out);
  EXPECT_TRUE(out.empty());
  target.tick(t0 + Seconds(1), out);
  target.tick(t0 + Seconds(60), out);
  EXPECT_EQ(count<Target::AskSource>(out), 1u);
  EXPECT_EQ(target.state(), Target::State::kReady) << "only the source's word ends it";
}

TEST(MigrationTarget, SilenceEndsIt) {
  Target::Out out;
  Target dialing({});
  dialing.start(t0, out);
  dialing.tick(t0 + Seconds(5), out);
  EXPECT_EQ(end_of<Target>(out).why, "the source does not answer");
  out.clear();
  Target target = applying(out);
  target.heard(t0 + Seconds(10));
  target.tick(t0 + Seconds(20), out);
  EXPECT_TRUE(out.empty());
  target.tick(t0 + Seconds(25), out);
  EXPECT_EQ(end_of<Target>(out).why, "the source is silent");
}

TEST(MigrationTarget, WordsOutOfTurnEndIt) {
  Target::Out out;
  Target target = applying(out);
  target.snapshot_sent(t0, out);
  EXPECT_EQ(end_of<Target>(out).why, "the source's words came out of turn");
}

}  // namespace
}  // namespace redan
