#include "server/drivers/snapshot_job.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "tests/unit/server/drivers/snapshot_fixture.h"

namespace redan {
namespace {

struct Bench {
  Keyspace keyspace{{.seed = 1}};
  DataLoop loop;
  Folder folder;
  std::unique_ptr<SnapshotJob> job;
  std::optional<Result<void>> outcome;
  std::vector<bool> pressure;
  int64_t key_delay_us = 0;

  void start(decltype(SnapshotJob::Options::output) output) {
    auto started =
        SnapshotJob::start({.keyspace = keyspace,
                            .loop = loop,
                            .output = std::move(output),
                            .key_delay_us = key_delay_us,
                            .on_done = [this](Result<void> result) { outcome = std::move(result); },
                            .on_pressure = [this](bool on) { pressure.push_back(on); }});
    ASSERT_TRUE(started.ok());
    job = started.take();
  }
  void start_file() { start(SnapshotJob::FileOutput{.dir = folder.path()}); }
  void run_to_end() {
    run_until(loop, [this] { return outcome.has_value(); });
  }
};

TEST(SnapshotJob, AFileHoldsTheStateOfTheMark) {
  Bench bench;
  fill(bench.keyspace, 3, 20'000);
  const Contents before = contents(bench.keyspace);
  bench.start_file();
  bench.run_to_end();
  ASSERT_TRUE(bench.outcome->ok()) << bench.outcome->error().message();
  const Result<Contents> loaded = load(bench.folder.read());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(*loaded, before);
  EXPECT_EQ(bench.folder.files(), 1u);
  EXPECT_EQ(bench.job->progress().keys_done, before.size());
  EXPECT_EQ(bench.job->progress().keys_total, before.size());
  EXPECT_FALSE(bench.keyspace.in_snapshot());
}

TEST(SnapshotJob, AnEmptyKeyspaceIsAWholeFile) {
  Bench bench;
  bench.start_file();
  bench.run_to_end();
  ASSERT_TRUE(bench.outcome->ok());
  EXPECT_TRUE(load(bench.folder.read())->empty());
}

// The heart of it: writes, growth, shrinkage and flushes between the slices change nothing.
TEST(SnapshotJob, WritesBetweenSlicesDoNotShow) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Bench bench;
    Rng rng(seed);
    const size_t keys = 500 + rng.below(8000);
    fill(bench.keyspace, seed, keys);
    const Contents before = contents(bench.keyspace);
    bench.start_file();
    const DataLoop::Timer writer = bench.loop.every(Millis(0), [&] {
      const size_t burst = rng.below(seed % 3 == 0 ? 2000 : 50);
      for (size_t i = 0; i < burst; ++i) {
        change_at_random(bench.keyspace, rng, static_cast<int>(rng.below(2)), keys);
      }
      if (rng.chance(0.01))
        bench.keyspace.flush(static_cast<int>(rng.below(16)), Keyspace::Free::kNow);
    });
    bench.run_to_end();
    ASSERT_TRUE(bench.outcome->ok());
    const Result<Contents> loaded = load(bench.folder.read());
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    ASSERT_EQ(*loaded, before) << seed;
  }
}

TEST(SnapshotJob, SaveWalksToTheEndAtOnce) {
  Bench bench;
  fill(bench.keyspace, 8, 30'000);
  bench.start_file();
  EXPECT_TRUE(bench.job->finish_now().ok());
  EXPECT_EQ(*load(bench.folder.read()), contents(bench.keyspace));
  bench.job.reset();
  EXPECT_FALSE(bench.outcome.has_value());
}

TEST(SnapshotJob, EachKeyMayBeDelayed) {
  Bench bench;
  fill(bench.keyspace, 8, 50);
  const auto keys = static_cast<int64_t>(contents(bench.keyspace).size());
  ASSERT_GT(keys, 20);
  bench.key_delay_us = 1000;
  const Instant begin = monotonic_now();
  bench.start_file();
  EXPECT_TRUE(bench.job->finish_now().ok());
  EXPECT_GE(monotonic_now() - begin, Millis(keys));
}

TEST(SnapshotJob, GivenUpItLeavesTheOldFileAndNoOther) {
  Bench bench;
  bench.folder.write("dump.rdb", "old");
  fill(bench.keyspace, 4, 50'000);
  bench.start_file();
  bench.loop.post([&] { bench.job.reset(); });
  run_until(bench.loop, [&] { return bench.job == nullptr; });
  EXPECT_FALSE(bench.keyspace.in_snapshot());
  EXPECT_EQ(bench.folder.read(), "old");
  EXPECT_EQ(bench.folder.files(), 1u);
  EXPECT_FALSE(bench.outcome.has_value());
  // The next one starts as if nothing had been.
  bench.start_file();
  bench.run_to_end();
  EXPECT_EQ(*load(bench.folder.read()), contents(bench.keyspace));
}

TEST(SnapshotJob, AFolderThatIsNotThereIsAnErrorWithARemedy) {
  Bench bench;
  fill(bench.keyspace, 4, 100);
  bench.start(SnapshotJob::FileOutput{.dir = bench.folder.path() + "/none"});
  bench.run_to_end();
  ASSERT_FALSE(bench.outcome->ok());
  EXPECT_NE(bench.outcome->error().message().find("set 'dir'"), std::string::npos);
  EXPECT_FALSE(bench.keyspace.in_snapshot());
  bench.outcome.reset();
  bench.start_file();
  bench.run_to_end();
  EXPECT_TRUE(bench.outcome->ok());
}

// --- streams ---

struct Reader {
  std::string bytes;
  size_t largest = 0;
  SnapshotJob::StreamOutput output(std::string mark = "") {
    return {.eof_mark = std::move(mark), .on_chunk = [this](auto chunk) {
              bytes += *chunk;
              largest = std::max(largest, chunk->size());
              waiting.push_back(std::move(chunk));
            }};
  }
  std::vector<std::shared_ptr<const std::string>> waiting;
};

TEST(SnapshotJob, AStreamCarriesItsMarkAndTheSnapshot) {
  Bench bench;
  fill(bench.keyspace, 5, 20'000);
  Reader reader;
  const std::string mark(40, 'm');
  bench.start(reader.output(mark));
  const DataLoop::Timer taking = bench.loop.every(Millis(1), [&] {
    for (const auto& chunk : std::exchange(reader.waiting, {})) bench.job->consumed(chunk->size());
  });
  bench.run_to_end();
  ASSERT_TRUE(bench.outcome->ok());
  const std::string_view stream = reader.bytes;
  ASSERT_EQ(stream.substr(0, 47), "$EOF:" + mark + "\r\n");
  ASSERT_EQ(stream.substr(stream.size() - 40), mark);
  const Result<Contents> loaded = load(stream.substr(47, stream.size() - 87));
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(*loaded, contents(bench.keyspace));
}

// Two readers share the chunks; the slower one sets the pace, and memory stays within the window.
TEST(SnapshotJob, ASlowReaderSlowsTheWalkAndNothingElse) {
  Bench bench;
  Rng rng(9);
  for (int i = 0; i < 20'000; ++i) {
    std::string value(1000, '\0');
    for (char& c : value) c = static_cast<char>(rng.next());
    bench.keyspace.set_string(0, std::to_string(i), value);
  }
  Reader reader;
  SnapshotJob::StreamOutput output = reader.output();
  output.window_bytes = 1 << 20;
  size_t out = 0, most_out = 0;
  output.on_chunk = [&, inner = output.on_chunk](auto chunk) {
    out += chunk->size();
    most_out = std::max(most_out, out);
    inner(std::move(chunk));
  };
  bench.start(std::move(output));
  size_t fast = 0, slow = 0;  // chunks that each of the two has taken
  const DataLoop::Timer taking = bench.loop.every(Millis(1), [&] {
    fast = reader.waiting.size();
    for (int i = 0; i < 3 && slow < fast; ++i) {
      out -= reader.waiting[slow]->size();
      bench.job->consumed(reader.waiting[slow++]->size());
    }
  });
  bench.run_to_end();
  ASSERT_TRUE(bench.outcome->ok());
  EXPECT_LE(most_out, (size_t{1} << 20) + reader.largest);
  // What is neither sent nor walked waits in the queue, bounded too: 4 MiB and a slice's surplus.
  EXPECT_LE(bench.job->progress().queue_peak_bytes, size_t{6} << 20);
  EXPECT_EQ(load(reader.bytes)->size(), 20'000u);
}

// Values that LZF cannot make smaller.
void overwrite_everything(Bench& bench, int keys, uint64_t seed) {
  Rng rng(seed);
  std::string value(8000, '\0');
  for (char& c : value) c = static_cast<char>(rng.next());
  for (int i = 0; i < keys; ++i) bench.keyspace.set_string(0, std::to_string(i), value);
}

// A reader that takes nothing, and a writer that nobody holds back: the stream is given up before
// it takes the memory.
TEST(SnapshotJob, AStreamThatWritesOutrunIsGivenUp) {
  Bench bench;
  overwrite_everything(bench, 12'000, 1);
  Reader reader;
  bench.start(reader.output());
  bench.loop.post([&] { overwrite_everything(bench, 12'000, 2); });
  bench.run_to_end();
  ASSERT_FALSE(bench.outcome->ok());
  EXPECT_NE(bench.outcome->error().message().find("faster than it was sent"), std::string::npos);
  ASSERT_FALSE(bench.pressure.empty());
  EXPECT_TRUE(bench.pressure.front());
  EXPECT_FALSE(bench.pressure.back());
  EXPECT_LE(bench.job->progress().queue_peak_bytes, size_t{66} << 20);
}

// With a file the writer waits for the disk instead, and the file is right.
TEST(SnapshotJob, AFileThatWritesOutrunMakesThemWait) {
  Bench bench;
  overwrite_everything(bench, 12'000, 1);
  const Contents before = contents(bench.keyspace);
  bench.start_file();
  bench.loop.post([&] { overwrite_everything(bench, 12'000, 2); });
  bench.run_to_end();
  ASSERT_TRUE(bench.outcome->ok());
  EXPECT_EQ(*load(bench.folder.read()), before);
  EXPECT_LE(bench.job->progress().queue_peak_bytes, size_t{66} << 20);
}

// Writers that heed the pressure are let go on once the queue has drained.
TEST(SnapshotJob, PressureEndsWhenTheQueueHasRoom) {
  Bench bench;
  overwrite_everything(bench, 8'000, 1);
  const Contents before = contents(bench.keyspace);
  Reader reader;
  bench.start(reader.output());
  int next = 0;
  const DataLoop::Timer work = bench.loop.every(Millis(1), [&] {
    for (const auto& chunk : std::exchange(reader.waiting, {})) bench.job->consumed(chunk->size());
    for (int i = 0; i < 3000 && next < 8'000; ++i) {
      if (!bench.pressure.empty() && bench.pressure.back()) break;
      bench.keyspace.set_string(0, std::to_string(next++), std::string(8000, 'n'));
    }
  });
  bench.run_to_end();
  ASSERT_TRUE(bench.outcome->ok());
  EXPECT_EQ(next, 8'000);
  EXPECT_EQ(*load(reader.bytes), before);
  EXPECT_LE(bench.job->progress().queue_peak_bytes, size_t{18} << 20);
  EXPECT_TRUE(bench.pressure.empty() || !bench.pressure.back());
}

TEST(SnapshotJob, AStreamCanBeGivenUpAtAnyTime) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Bench bench;
    fill(bench.keyspace, seed, 20'000);
    Reader reader;
    SnapshotJob::StreamOutput output = reader.output();
    output.window_bytes = 100'000;
    bench.start(std::move(output));
    size_t until = seed;
    run_until(bench.loop, [&] {
      for (const auto& chunk : std::exchange(reader.waiting, {}))
        bench.job->consumed(chunk->size());
      if (until-- == 0 || bench.outcome) bench.job.reset();
      return bench.job == nullptr;
    });
    EXPECT_FALSE(bench.keyspace.in_snapshot());
    const size_t got = reader.bytes.size();
    bool posted = false;
    bench.loop.post([&] { posted = true; });
    run_until(bench.loop, [&] { return posted; });
    EXPECT_EQ(reader.bytes.size(), got) << "a chunk came after the end";
  }
}

}  // namespace
}  // namespace redan
