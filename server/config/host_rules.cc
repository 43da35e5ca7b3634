#include "server/config/host_rules.h"

#include <fmt/core.h>

#include <algorithm>

namespace redan {
namespace {

using Verdict = SystemCheck::Verdict;

// The lower of the two queues that the kernel cuts tcp-backlog to.
std::string backlog_warning(int64_t backlog, const char* path, int64_t limit) {
  return fmt::format(
      "WARNING: The TCP backlog setting of {} cannot be enforced because {} is set to the lower "
      "value of {}.",
      backlog, path, limit);
}

SystemCheck at_least(std::string name, std::optional<int64_t> found, int64_t wanted,
                     std::string remedy) {
  SystemCheck check{
      std::move(name), Verdict::kUnknown, "unreadable", fmt::format("at least {}", wanted), {}};
  if (!found) return check;
  check.found = std::to_string(*found);
  check.verdict = *found >= wanted ? Verdict::kFine : Verdict::kWarning;
  if (check.verdict == Verdict::kWarning) check.remedy = std::move(remedy);
  return check;
}

}  // namespace

int64_t descriptors_needed(int64_t maxclients) {
  return maxclients + kReservedDescriptors;
}

DescriptorPlan plan_descriptors(int64_t wished, int64_t reached, const std::string& reason) {
  DescriptorPlan plan{.limit = reached, .maxclients = wished, .warnings = {}, .fatal = {}};
  const int64_t needed = descriptors_needed(wished);
  if (reached >= needed) return plan;
  plan.maxclients = reached - kReservedDescriptors;
  if (plan.maxclients < kMinClients) {
    plan.fatal = fmt::format(
        "Your current 'ulimit -n' of {} is not enough for the server to start. Please increase "
        "your open file limit to at least {}. Exiting.",
        reached, kReservedDescriptors + kMinClients);
    return plan;
  }
  plan.warnings = {
      fmt::format("You requested maxclients of {} requiring at least {} max file descriptors.",
                  wished, needed),
      fmt::format("Server can't set maximum open files to {} because of OS error: {}.", needed,
                  reason),
      fmt::format("Current maximum open files is {}. maxclients has been reduced to {} to "
                  "compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
                  reached, plan.maxclients)};
  return plan;
}

std::vector<std::string> start_warnings(const StartFacts& facts) {
  std::vector<std::string> warnings;
  const HostFacts& host = facts.host;
  if (host.somaxconn && *host.somaxconn < facts.tcp_backlog) {
    warnings.push_back(
        backlog_warning(facts.tcp_backlog, "/proc/sys/net/core/somaxconn", *host.somaxconn));
  }
  if (host.tcp_max_syn_backlog && *host.tcp_max_syn_backlog < facts.tcp_backlog) {
    warnings.push_back(backlog_warning(facts.tcp_backlog, "/proc/sys/net/ipv4/tcp_max_syn_backlog",
                                       *host.tcp_max_syn_backlog));
  }
  if (host.overcommit_memory && *host.overcommit_memory != 1) {
    warnings.push_back(fmt::format(
        "WARNING Memory overcommit must be enabled! Without it, a background save or replication "
        "may fail under low memory condition. vm.overcommit_memory is {}. To fix this issue add "
        "'vm.overcommit_memory = 1' to /etc/sysctl.conf and then reboot or run the command 'sysctl "
        "vm.overcommit_memory=1' for this to take effect.",
        *host.overcommit_memory));
  }
  if (host.transparent_huge_pages == "always" && !facts.disable_thp) {
    warnings.emplace_back(
        "WARNING You have Transparent Huge Pages (THP) support enabled in your kernel. This will "
        "create latency and memory usage issues with Redan. To fix this issue run the command "
        "'echo "
        "madvise > /sys/kernel/mm/transparent_hugepage/enabled' as root, and add it to your "
        "/etc/rc.local in order to retain the setting after a reboot. Redan must be restarted "
        "after "
        "THP is disabled (set to 'madvise' or 'never'), or started with 'disable-thp yes'.");
  }
  return warnings;
}

std::vector<SystemCheck> check_system(const HostFacts& facts, int64_t maxclients,
                                      int64_t tcp_backlog) {
  const int64_t needed = descriptors_needed(maxclients);
  // The soft limit can be raised to the hard one by the server itself.
  std::vector<SystemCheck> checks;
  checks.push_back(
      at_least("open files (ulimit -n, hard)", facts.max_descriptors_hard, needed,
               fmt::format("ulimit -Hn {} (systemd: LimitNOFILE={})", needed, needed)));
  SystemCheck thp{
      "transparent huge pages", Verdict::kUnknown, "unreadable", "madvise or never", {}};
  if (facts.transparent_huge_pages) {
    thp.found = *facts.transparent_huge_pages;
    thp.verdict = thp.found == "always" ? Verdict::kWarning : Verdict::kFine;
    if (thp.verdict == Verdict::kWarning) {
      thp.remedy = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
    }
  }
  checks.push_back(thp);
  SystemCheck overcommit{"vm.overcommit_memory", Verdict::kUnknown, "unreadable", "1", {}};
  if (facts.overcommit_memory) {
    overcommit.found = std::to_string(*facts.overcommit_memory);
    overcommit.verdict = *facts.overcommit_memory == 1 ? Verdict::kFine : Verdict::kWarning;
    if (overcommit.verdict == Verdict::kWarning) {
      overcommit.remedy = "sysctl -w vm.overcommit_memory=1";
    }
  }
  checks.push_back(overcommit);
  checks.push_back(at_least("net.core.somaxconn", facts.somaxconn, tcp_backlog,
                            fmt::format("sysctl -w net.core.somaxconn={}", tcp_backlog)));
  checks.push_back(at_least("net.ipv4.tcp_max_syn_backlog", facts.tcp_max_syn_backlog, tcp_backlog,
                            fmt::format("sysctl -w net.ipv4.tcp_max_syn_backlog={}", tcp_backlog)));
  return checks;
}

std::string system_table(const std::vector<SystemCheck>& checks) {
  auto mark = [](Verdict verdict) {
    return verdict == Verdict::kFine ? "ok" : verdict == Verdict::kWarning ? "WARNING" : "unknown";
  };
  size_t name = 5;
  size_t found = 5;
  size_t wanted = 6;
  for (const SystemCheck& check : checks) {
    name = std::max(name, check.name.size());
    found = std::max(found, check.found.size());
    wanted = std::max(wanted, check.wanted.size());
  }
  std::string table = fmt::format("{:<7}  {:<{}}  {:<{}}  {:<{}}  {}\n", "", "check", name, "found",
                                  found, "wanted", wanted, "remedy");
  for (const SystemCheck& check : checks) {
    table += fmt::format("{:<7}  {:<{}}  {:<{}}  {:<{}}  {}\n", mark(check.verdict), check.name,
                         name, check.found, found, check.wanted, wanted,
                         check.remedy.empty() ? "-" : check.remedy);
  }
  return table;
}

bool all_well(const std::vector<SystemCheck>& checks) {
  return std::all_of(checks.begin(), checks.end(),
                     [](const SystemCheck& check) { return check.verdict != Verdict::kWarning; });
}

std::optional<std::string> chosen_word(const std::string& line) {
  const size_t open = line.find('[');
  const size_t close = line.find(']', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  return line.substr(open + 1, close - open - 1);
}

}  // namespace redan
