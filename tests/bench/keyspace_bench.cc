// What keys cost: bytes of RSS, nanoseconds, and the longest a single operation holds the thread.
//   keyspace_bench [KEYS]          every part, each in a process of its own
// Other allocators by LD_PRELOAD. Pauses are CPU time of the thread, so that a busy machine does
// not show up in them; page faults do.
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "server/drivers/memory_use.h"
#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

int64_t nanos(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

size_t rss_bytes() {
  FILE* const file = fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  size_t total = 0, resident = 0;
  const int got = fscanf(file, "%zu %zu", &total, &resident);
  fclose(file);
  return got == 2 ? resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// The longest run() so far, and how many took more than 100 us.
struct Pauses {
  int64_t worst_ns = 0;
  int64_t long_ones = 0;
  template <class Run>
  void time(Run&& run) {
    const int64_t begin = nanos(CLOCK_THREAD_CPUTIME_ID);
    run();
    const int64_t took = nanos(CLOCK_THREAD_CPUTIME_ID) - begin;
    worst_ns = std::max(worst_ns, took);
    if (took > 100'000) ++long_ones;
  }
  void print(const char* what) const {
    printf("  %-34s worst %7.1f us, above 100 us: %" PRId64 "\n", what,
           static_cast<double>(worst_ns) / 1e3, long_ones);
  }
};

std::string key_of(uint64_t i) {
  char text[24];
  snprintf(text, sizeof text, "key:%012" PRIu64, i);
  return text;
}

struct Bench {
  explicit Bench(uint64_t count) : keys(count) {}
  uint64_t keys;
  std::string value = std::string(32, 'v');
  Keyspace keyspace{{.databases = 16, .seed = 1}};
  Rng rng{1};

  void fill(SetExpiry expiry, Pauses* pauses) {
    for (uint64_t i = 0; i < keys; ++i) {
      const std::string key = key_of(i);
      if (pauses == nullptr) {
        keyspace.set_string(0, key, value, expiry);
      } else {
        pauses->time([&] { keyspace.set_string(0, key, value, expiry); });
      }
    }
  }
};

void memory(uint64_t keys, bool ttl) {
  const size_t before = rss_bytes();
  Bench bench(keys);
  bench.fill(ttl ? SetExpiry::at(INT64_MAX / 2) : SetExpiry{}, nullptr);
  while (bench.keyspace.rehash_some(1000)) {
  }
  const auto each = static_cast<double>(keys);
  printf("  %-34s RSS %.1f B/key, counted %.1f (tables %.1f)\n",
         ttl ? "16 + 32 bytes, TTL" : "16 + 32 bytes",
         static_cast<double>(rss_bytes() - before) / each,
         static_cast<double>(bench.keyspace.memory_bytes()) / each,
         static_cast<double>(bench.keyspace.table_bytes()) / each);
}

// What the machine itself does to a thread that touches memory: the same measure without a table.
// The host of a virtual machine takes its time out of ours, and the clock cannot tell.
void machine(uint64_t keys) {
  Pauses nothing;
  for (uint64_t i = 0; i < keys; ++i) {
    nothing.time([] {});
  }
  nothing.print("nothing, as often");
  Pauses touching;
  const size_t pages = keys * 81 / 4096 + 1;
  char* const memory = static_cast<char*>(malloc(pages * 4096));
  for (size_t i = 0; i < pages; ++i) {
    touching.time([&] { memory[i * 4096] = 1; });
  }
  touching.print("first touch of as many pages");
  free(memory);
}

void pauses(uint64_t keys) {
  Bench bench(keys);
  Pauses growing;
  bench.fill({}, &growing);
  growing.print("SET while growing");
  Pauses shrinking;
  for (uint64_t i = 0; i < keys; ++i) {
    const std::string key = key_of(i);
    shrinking.time([&] { bench.keyspace.erase(0, key); });
  }
  shrinking.print("DEL while shrinking");
}

void speed(uint64_t keys) {
  Bench bench(keys);
  bench.fill({}, nullptr);
  constexpr uint64_t kOperations = 4'000'000;
  const auto time = [&](const char* what, auto&& run) {
    std::string key = key_of(0);
    const int64_t begin = nanos(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < kOperations; ++i) {
      uint64_t n = bench.rng.below(keys);
      for (size_t at = key.size() - 1; n > 0; n /= 10) key[at--] = static_cast<char>('0' + n % 10);
      run(key);
    }
    const int64_t took = nanos(CLOCK_THREAD_CPUTIME_ID) - begin;
    printf("  %-34s %.0f ns\n", what, static_cast<double>(took) / kOperations);
  };
  size_t found = 0;
  time("making the random key alone", [&](const std::string& key) { found += key.size(); });
  time("GET, random key", [&](const std::string& key) {
    Entry::Scratch scratch;
    const Entry* entry = bench.keyspace.read(0, key);
    if (entry != nullptr) found += entry->string(scratch).size();
  });
  time("SET, random key, same size",
       [&](const std::string& key) { bench.keyspace.set_string(0, key, bench.value); });
  if (found == 0) printf("nothing found\n");
}

// Overwrites with values of changing sizes: what the allocator makes of it.
void churn(uint64_t keys) {
  const size_t before = rss_bytes();
  Bench bench(keys);
  bench.fill({}, nullptr);
  const std::string bytes(400, 'x');
  for (uint64_t round = 0; round < 5; ++round) {
    for (uint64_t i = 0; i < keys; ++i) {
      const size_t size = 1 + bench.rng.below(round % 2 == 0 ? 200 : 60);
      bench.keyspace.set_string(0, key_of(bench.rng.below(keys)), bytes.substr(0, size));
    }
  }
  const size_t rss = rss_bytes() - before;
  printf("  %-34s RSS %.1f B/key, counted %.1f: RSS/counted %.3f\n", "after churn of sizes 1-200",
         static_cast<double>(rss) / static_cast<double>(keys),
         static_cast<double>(bench.keyspace.memory_bytes()) / static_cast<double>(keys),
         static_cast<double>(rss) / static_cast<double>(bench.keyspace.memory_bytes()));
  for (uint64_t i = 0; i < keys; ++i) {
    if (i % 10 != 0) bench.keyspace.erase(0, key_of(i));
  }
  while (bench.keyspace.rehash_some(1000)) {
  }
  printf("  %-34s RSS %.1f MB, counted %.1f MB\n", "nine of ten deleted then",
         static_cast<double>(rss_bytes() - before) / 1e6,
         static_cast<double>(bench.keyspace.memory_bytes()) / 1e6);
}

struct CopyingSink final : SnapshotSink {
  static constexpr size_t kBlock = 64 * 1024;
  std::string block = std::string(kBlock, '\0');
  size_t used = 0;
  uint64_t entries = 0;
  void emit(int /*db*/, const Entry& entry) override {
    Entry::Scratch scratch;
    const std::string_view key = entry.key();
    const std::string_view bytes = entry.string(scratch);
    if (used + key.size() + bytes.size() > kBlock) used = 0;
    memcpy(block.data() + used, key.data(), key.size());
    memcpy(block.data() + used + key.size(), bytes.data(), bytes.size());
    used += key.size() + bytes.size();
    ++entries;
  }
};

void snapshot(uint64_t keys) {
  Bench bench(keys);
  bench.fill({}, nullptr);
  for (const bool writing : {false, true}) {
    CopyingSink sink;
    Pauses mark, slices, writes;
    const size_t before = rss_bytes();
    mark.time([&] { bench.keyspace.begin_snapshot(&sink); });
    const int64_t begin = nanos(CLOCK_THREAD_CPUTIME_ID);
    bool more = true;
    while (more) {
      slices.time([&] { more = bench.keyspace.walk_snapshot(16); });
      for (int i = writing ? 40 : 0; i > 0; --i) {
        const std::string key = key_of(bench.rng.below(keys + keys / 4));
        writes.time([&] { bench.keyspace.set_string(0, key, bench.value); });
      }
    }
    const int64_t took = nanos(CLOCK_THREAD_CPUTIME_ID) - begin;
    mark.print(writing ? "mark (before writes)" : "mark");
    slices.print(writing ? "16 buckets of the walk, writes" : "16 buckets of the walk");
    if (writing) writes.print("SET beside it, some growing");
    if (!writing) {
      printf("  %-34s %.1f ns/entry, extra RSS %.1f MB\n", "walk with copies",
             static_cast<double>(took) / static_cast<double>(sink.entries),
             static_cast<double>(rss_bytes() - before) / 1e6);
    }
  }
}

void in_own_process(void (*part)(uint64_t), uint64_t keys) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    set_allocator_thread(true);  // as a server does (jemalloc-bg-thread)
    part(keys);
    fflush(stdout);
    _exit(0);
  }
  if (child > 0) waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace redan

int main(int argc, char** argv) {
  using namespace redan;
  const uint64_t keys = argc > 1 ? strtoull(argv[1], nullptr, 10) : 2'000'000;
  if (keys == 0) {
    fprintf(stderr, "usage: keyspace_bench [KEYS]\n");
    return 2;
  }
  printf("%" PRIu64 " keys\n", keys);
  in_own_process([](uint64_t n) { memory(n, false); }, keys);
  in_own_process([](uint64_t n) { memory(n, true); }, keys);
  in_own_process(machine, keys);
  in_own_process(pauses, keys);
  in_own_process(speed, keys);
  in_own_process(snapshot, keys);
  in_own_process(churn, keys);
  return 0;
}
