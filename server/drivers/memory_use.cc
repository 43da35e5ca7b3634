#include "server/drivers/memory_use.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

#include "server/data/bucket_array.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REDAN_OWN_MALLOC 0
#else
#define REDAN_OWN_MALLOC 1
#include <jemalloc/jemalloc.h>
#endif

#if REDAN_OWN_MALLOC
// jemalloc reads it before main().
extern "C" const char* malloc_conf;
const char* malloc_conf = "narenas:1,tcache:false";
#else
// Of the sanitizers' runtime; g++ comes without the header that declares it.
extern "C" size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace redan {

namespace {

#if REDAN_OWN_MALLOC
int64_t statistic(const char* name) {
  size_t value = 0;
  size_t size = sizeof value;
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? static_cast<int64_t>(value) : 0;
}
void refresh() {
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
}
#endif

int64_t rss_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  long total = 0, present = 0;
  const int read = std::fscanf(file, "%ld %ld", &total, &present);
  std::fclose(file);
  return read == 2 ? present * ::sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace

int64_t used_memory() {
  const auto mapped = static_cast<int64_t>(BucketArray::mapped_bytes());
#if REDAN_OWN_MALLOC
  refresh();
  return statistic("stats.allocated") + mapped;
#else
  return static_cast<int64_t>(__sanitizer_get_current_allocated_bytes()) + mapped;
#endif
}

MemoryUse memory_use() {
  MemoryUse use;
  use.used = used_memory();
#if REDAN_OWN_MALLOC
  const auto mapped = static_cast<int64_t>(BucketArray::mapped_bytes());
  use.active = statistic("stats.active") + mapped;
  use.resident = statistic("stats.resident") + mapped;
#else
  use.active = use.resident = use.used;
#endif
  use.rss = rss_bytes();
  use.total_system = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE);
  return use;
}

const char* allocator_name() {
#if REDAN_OWN_MALLOC
  return "jemalloc-" JEMALLOC_VERSION;
#else
  return "libc";
#endif
}

void set_allocator_thread(bool on) {
#if REDAN_OWN_MALLOC
  mallctl("background_thread", nullptr, nullptr, &on, sizeof on);
#else
  (void)on;
#endif
}

std::string allocator_report() {
  std::string text;
#if REDAN_OWN_MALLOC
  malloc_stats_print(
      [](void* to, const char* part) { static_cast<std::string*>(to)->append(part); }, &text,
      nullptr);
#else
  text = "The C library's allocator tells nothing but sums; see INFO memory.";
#endif
  return text;
}

void purge_memory() {
#if REDAN_OWN_MALLOC
  mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
#else
  ::malloc_trim(0);
#endif
}

void keep_freed_memory() {
#if REDAN_OWN_MALLOC
  bool on = true;
  mallctl("thread.tcache.enabled", nullptr, nullptr, &on, sizeof on);
#endif
}

void use_own_arena() {
#if REDAN_OWN_MALLOC
  unsigned arena = 0;
  size_t size = sizeof arena;
  if (mallctl("arenas.create", &arena, &size, nullptr, 0) == 0) {
    mallctl("thread.arena", nullptr, nullptr, &arena, sizeof arena);
  }
#endif
  keep_freed_memory();
}

}  // namespace redan
