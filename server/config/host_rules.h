// What the host must offer, as decisions: from facts (server/drivers/host_checks reads them) to
// warnings, remedies, and the number of clients that the descriptors allow. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace redan {

// Descriptors kept for everything that is not a client: files, replication, the log.
inline constexpr int64_t kReservedDescriptors = 32;
inline constexpr int64_t kMinClients = 1;

// What the host says; nullopt where it cannot be read (a container, another kernel).
struct HostFacts {
  std::optional<int64_t> max_descriptors_soft;  // ulimit -n
  std::optional<int64_t> max_descriptors_hard;
  std::optional<std::string> transparent_huge_pages;  // the word in [brackets]
  std::optional<int64_t> overcommit_memory;           // vm.overcommit_memory
  std::optional<int64_t> somaxconn;                   // net.core.somaxconn
  std::optional<int64_t> tcp_max_syn_backlog;         // net.ipv4.tcp_max_syn_backlog
};

// maxclients against the limit of descriptors.
struct DescriptorPlan {
  int64_t limit = 0;       // what to ask of setrlimit; the present limit if enough
  int64_t maxclients = 0;  // what can be served; lower than wished if the limit cannot be raised
  std::vector<std::string> warnings;  // log lines, at warning level
  std::string fatal;                  // not empty: no client at all could be served
};
// Before the limit is raised: what to ask for.
int64_t descriptors_needed(int64_t maxclients);
// After it was tried: `reached` is the limit in force, `reason` why it is not higher.
DescriptorPlan plan_descriptors(int64_t wished_maxclients, int64_t reached,
                                const std::string& reason);

// Warnings at start, as log lines.
struct StartFacts {
  HostFacts host;
  int64_t tcp_backlog = 511;
  bool disable_thp = true;  // the process turned huge pages off for itself
};
std::vector<std::string> start_warnings(const StartFacts& facts);

// --check-system: one row for each check.
struct SystemCheck {
  enum class Verdict : uint8_t { kFine, kWarning, kUnknown };
  std::string name;
  Verdict verdict = Verdict::kFine;
  std::string found;
  std::string wanted;
  std::string remedy;  // the command that mends it; empty if all is well
};
std::vector<SystemCheck> check_system(const HostFacts& facts, int64_t maxclients,
                                      int64_t tcp_backlog);
// The rows as a table, and whether all is well.
std::string system_table(const std::vector<SystemCheck>& checks);
bool all_well(const std::vector<SystemCheck>& checks);

// The word in brackets: "always [madvise] never" says madvise.
std::optional<std::string> chosen_word(const std::string& line);

}  // namespace redan
