// How much memory the process uses, as the allocator and the kernel say.
#pragma once

#include <cstdint>
#include <string>

namespace redan {

struct MemoryUse {
  int64_t used = 0;      // handed out by the allocator, and what tables have beside it
  int64_t active = 0;    // in pages that hold something
  int64_t resident = 0;  // mapped and present, by the allocator's count
  int64_t rss = 0;       // present, by the kernel's
  int64_t total_system = 0;
};

// Costs about 10 us: for INFO and cron, not for each request.
MemoryUse memory_use();
// Only `used`, about 2 us.
int64_t used_memory();
const char* allocator_name();
// jemalloc-bg-thread: the allocator gives pages back from a thread of its own.
void set_allocator_thread(bool on);
// Everything that the allocator counts, as text.
std::string allocator_report();
// Gives unused pages back.
void purge_memory();

// A thread that says nothing shares one arena with all such threads and keeps no freed memory for
// itself: gRPC's threads are many, do little, and would cost a cluster's node 1.5 MB.
// For a thread of ours that allocates or frees much: it keeps some of what it frees.
void keep_freed_memory();
// For the data thread: that, and an arena of its own, so that it waits for no other thread's lock.
void use_own_arena();

}  // namespace redan
