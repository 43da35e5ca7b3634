#include "server/drivers/host_checks.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/base/parse.h"

namespace redan {
namespace {

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<int64_t> number(const std::string& path) {
  const auto line = first_line(path);
  return line ? parse_int64(trim(*line)) : std::nullopt;
}

int64_t as_count(rlim_t limit) {
  return limit == RLIM_INFINITY || limit > INT64_MAX ? INT64_MAX : static_cast<int64_t>(limit);
}

}  // namespace

HostFacts read_host(const std::string& root) {
  HostFacts facts;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    facts.max_descriptors_soft = as_count(limit.rlim_cur);
    facts.max_descriptors_hard = as_count(limit.rlim_max);
  }
  if (const auto thp = first_line(root + "/sys/kernel/mm/transparent_hugepage/enabled")) {
    facts.transparent_huge_pages = chosen_word(*thp);
  }
  facts.overcommit_memory = number(root + "/proc/sys/vm/overcommit_memory");
  facts.somaxconn = number(root + "/proc/sys/net/core/somaxconn");
  facts.tcp_max_syn_backlog = number(root + "/proc/sys/net/ipv4/tcp_max_syn_backlog");
  return facts;
}

DescriptorPlan secure_descriptors(int64_t maxclients) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    // Redis assumes the usual limit of a shell.
    return plan_descriptors(maxclients, 1024, std::strerror(errno));
  }
  const int64_t needed = descriptors_needed(maxclients);
  std::string reason;
  if (as_count(limit.rlim_cur) < needed) {
    // Root may raise the hard limit too; others go as far as it reaches.
    rlimit wish{static_cast<rlim_t>(needed), std::max(limit.rlim_max, static_cast<rlim_t>(needed))};
    if (::setrlimit(RLIMIT_NOFILE, &wish) != 0) {
      reason = std::strerror(errno);
      wish = {std::min(limit.rlim_max, static_cast<rlim_t>(needed)), limit.rlim_max};
      (void)::setrlimit(RLIMIT_NOFILE, &wish);
    }
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return plan_descriptors(maxclients, as_count(limit.rlim_cur), reason);
}

bool disable_huge_pages() {
  return ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0;
}

bool set_oom_score(int64_t score) {
  std::ofstream file("/proc/self/oom_score_adj");
  file << std::clamp<int64_t>(score, -1000, 1000) << std::flush;
  return file.good();
}

int64_t read_oom_score() {
  return number("/proc/self/oom_score_adj").value_or(0);
}

}  // namespace redan
