#include "server/drivers/cpu_list.h"

#include <sched.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "common/base/parse.h"
#include "common/log/log.h"

namespace redan {

namespace {

std::optional<int> parse_cpu(std::string_view text) {
  const std::optional<int64_t> number = parse_int64(text);
  if (!number || *number < 0 || *number >= CPU_SETSIZE) return std::nullopt;
  return static_cast<int>(*number);
}

// Takes what stands before `mark` off `text`; all of it where there is no mark.
std::string_view take_until(std::string_view& text, char mark) {
  const size_t at = text.find(mark);
  const std::string_view taken = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return taken;
}

}  // namespace

std::optional<std::vector<int>> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  bool more = true;
  while (more) {
    more = text.find(',') != std::string_view::npos;
    std::string_view step_text = take_until(text, ',');
    std::string_view range = take_until(step_text, ':');
    const bool is_range = range.find('-') != std::string_view::npos;
    const std::optional<int> first = parse_cpu(take_until(range, '-'));
    const std::optional<int> last = is_range ? parse_cpu(range) : first;
    const std::optional<int> step = step_text.empty() ? 1 : parse_cpu(step_text);
    if (!first || !last || !step || *last < *first || *step == 0) return std::nullopt;
    for (int cpu = *first; cpu <= *last; cpu += *step) cpus.push_back(cpu);
  }
  return cpus;
}

void bind_this_thread(std::string_view directive, std::string_view list) {
  if (list.empty()) return;
  const std::optional<std::vector<int>> cpus = parse_cpu_list(list);
  if (!cpus)
    return log_warning("{} '{}' is no list of CPUs, as in 0-3,8: ignored", directive, list);
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : *cpus) CPU_SET(static_cast<size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    log_warning("{} '{}' cannot be obeyed: {}", directive, list, std::strerror(errno));
  }
}

}  // namespace redan
