#include "sentinel/drivers/scripts.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

constexpr Instant kStart{std::chrono::hours(1)};

TEST(ScriptQueue, RunsAtMostSixteenAtOnce) {
  ScriptQueue queue;
  for (int i = 0; i < 20; ++i) queue.add("/script", {std::to_string(i)});
  int started = 0;
  while (ScriptJob* job = queue.next_due(kStart)) queue.started(*job, 100 + started++, kStart);
  EXPECT_EQ(started, 16);
  EXPECT_EQ(queue.running(), 16u);
  EXPECT_EQ(queue.ended(100, 0, 0, kStart), ScriptQueue::End::kDone);
  EXPECT_NE(queue.next_due(kStart), nullptr);
}

TEST(ScriptQueue, TheOldestThatWaitsGivesWay) {
  ScriptQueue queue;
  queue.add("/running", {});
  queue.started(*queue.next_due(kStart), 1, kStart);
  for (size_t i = 0; i < ScriptQueue::kMaxQueued; ++i) queue.add("/w", {std::to_string(i)});
  EXPECT_EQ(queue.queued(), ScriptQueue::kMaxQueued);
  EXPECT_EQ(queue.jobs().front().path, "/running");
  EXPECT_EQ(queue.jobs()[1].args[0], "1") << "0 was dropped";
}

TEST(ScriptQueue, ExitCodeOneIsTriedAgainLaterEachTimeTwiceAsLate) {
  ScriptQueue queue;
  queue.add("/flaky", {});
  Instant now = kStart;
  Millis delay = queue.timing.retry_delay;
  for (int i = 0; i < ScriptQueue::kMaxRetries; ++i) {
    ScriptJob* job = queue.next_due(now);
    ASSERT_NE(job, nullptr);
    queue.started(*job, 7, now);
    EXPECT_EQ(queue.ended(7, 1, 0, now), ScriptQueue::End::kRetry);
    EXPECT_EQ(queue.next_due(now + delay - Millis(1)), nullptr);
    now += delay;
    delay *= 2;
  }
  queue.started(*queue.next_due(now), 7, now);
  EXPECT_EQ(queue.ended(7, 1, 0, now), ScriptQueue::End::kFailed);
  EXPECT_EQ(queue.queued(), 0u);
}

TEST(ScriptQueue, OtherExitCodesAreFinalSignalsAreNot) {
  ScriptQueue queue;
  queue.add("/a", {});
  queue.started(*queue.next_due(kStart), 7, kStart);
  EXPECT_EQ(queue.ended(7, 2, 0, kStart), ScriptQueue::End::kFailed);
  queue.add("/b", {});
  queue.started(*queue.next_due(kStart), 8, kStart);
  EXPECT_EQ(queue.ended(8, 0, 9, kStart), ScriptQueue::End::kRetry);
  EXPECT_EQ(queue.ended(99, 0, 0, kStart), ScriptQueue::End::kUnknown);
}

TEST(ScriptQueue, TellsWhatRunsForTooLong) {
  ScriptQueue queue;
  queue.add("/slow", {});
  queue.started(*queue.next_due(kStart), 7, kStart);
  EXPECT_TRUE(queue.overdue(kStart + queue.timing.max_runtime).empty());
  EXPECT_EQ(queue.overdue(kStart + queue.timing.max_runtime + Millis(1)).size(), 1u);
}

}  // namespace
}  // namespace redan
