// Reads and changes what host_rules.h decides about: /proc, /sys, limits of the process. The root
// of /proc and /sys is an argument, so that tests can show another host.
#pragma once

#include <cstdint>
#include <string>

#include "server/config/host_rules.h"

namespace redan {

HostFacts read_host(const std::string& root = "");

// Raises the limit of descriptors for so many clients as far as the host lets us, and says how many
// clients that serves. At start, and when CONFIG SET changes maxclients.
DescriptorPlan secure_descriptors(int64_t maxclients);

// disable-thp: no huge pages for this process. False if the kernel refuses.
bool disable_huge_pages();

// oom-score-adj: this process' score, relative to `base` (what it was at start) or absolute. False
// if the kernel refuses.
bool set_oom_score(int64_t score);
int64_t read_oom_score();

}  // namespace redan
