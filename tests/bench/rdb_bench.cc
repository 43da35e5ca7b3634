// Snapshots and loading, measured: rdb_bench [keys] [folder]
// Fills a keyspace with strings of 16 + 32 bytes, saves it in the background while the loop is
// otherwise idle and again under a writer at full speed, and loads the file. Prints wall time, the
// data thread's share, the worst slice and the peak of the queue. Compare with redis-server by
// tests/bench/rdb_bench.sh.
#include <fmt/core.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/snapshot_job.h"
#include "server/drivers/snapshot_loader.h"
#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

double seconds(Nanos span) {
  return std::chrono::duration<double>(span).count();
}

double thread_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::string key_of(uint64_t i) {
  return fmt::format("key:{:012}", i);
}

void fill(Keyspace& keyspace, uint64_t keys) {
  Rng rng(1);
  std::string value(32, '\0');
  for (uint64_t i = 0; i < keys; ++i) {
    for (char& c : value) c = static_cast<char>('a' + rng.below(26));
    keyspace.set_string(0, key_of(i), value);
  }
}

void save(Keyspace& keyspace, const std::string& folder, bool compress, uint64_t writer_burst) {
  DataLoop loop;
  std::optional<Result<void>> outcome;
  Rng rng(2);
  bool parked = false;
  const uint64_t keys = keyspace.size(0);
  const Instant begin = monotonic_now();
  const double cpu = thread_cpu_s();
  auto job = SnapshotJob::start({.keyspace = keyspace,
                                 .loop = loop,
                                 .output = SnapshotJob::FileOutput{.dir = folder},
                                 .compress = compress,
                                 .on_done =
                                     [&](Result<void> result) {
                                       outcome = std::move(result);
                                       loop.stop();
                                     },
                                 .on_pressure = [&](bool on) { parked = on; }});
  const double mark_us = seconds(monotonic_now() - begin) * 1e6;
  // Requests in batches of so many writes, as fast as the loop turns.
  uint64_t writes = 0;
  std::function<void()> batch = [&] {
    for (uint64_t i = 0; i < writer_burst && !parked; ++i, ++writes) {
      keyspace.set_string(0, key_of(rng.below(keys)), "0123456789abcdef0123456789abcdef");
    }
    if (!outcome) loop.post(batch);
  };
  if (writer_burst > 0) loop.post(batch);
  loop.run();
  const double wall = seconds(monotonic_now() - begin);
  const SnapshotProgress progress = (*job)->progress();
  fmt::print(
      "save  compress={} writes={:<8} {}: wall {:.3f} s, data thread {:.3f} s (walk {:.3f} s), "
      "begin {:.0f} us, worst slice {:.3f} ms, queue peak {:.1f} MiB, {:.1f} M keys/s\n",
      compress ? "yes" : "no ", writes, outcome->ok() ? "ok" : outcome->error().message(), wall,
      thread_cpu_s() - cpu, seconds(progress.data_thread_time), mark_us,
      seconds(progress.worst_slice) * 1e3,
      static_cast<double>(progress.queue_peak_bytes) / (1 << 20),
      static_cast<double>(progress.keys_done) / wall / 1e6);
}

void load(const std::string& file) {
  Keyspace keyspace({.seed = 7});
  const Instant begin = monotonic_now();
  auto loader = SnapshotFileLoader::open(file, keyspace, {.now = wall_now()});
  for (;;) {
    const Result<bool> more = (*loader)->load_some(2 << 20);
    if (!more) {
      fmt::print("load failed: {}\n", more.error().message());
      return;
    }
    if (!*more) break;
  }
  const double wall = seconds(monotonic_now() - begin);
  fmt::print("load  {} keys: wall {:.3f} s, {:.2f} M keys/s\n", keyspace.size(0), wall,
             static_cast<double>(keyspace.size(0)) / wall / 1e6);
}

}  // namespace
}  // namespace redan

int main(int argc, char** argv) {
  const uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::string folder = argc > 2 ? argv[2] : std::filesystem::temp_directory_path().string();
  redan::Keyspace keyspace({.seed = 3});
  redan::fill(keyspace, keys);
  for (const bool compress : {true, false}) {
    redan::save(keyspace, folder, compress, 0);
    redan::save(keyspace, folder, compress, 200);
  }
  redan::load(folder + "/dump.rdb");
  redan::load(folder + "/dump.rdb");
}
