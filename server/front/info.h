// The text of INFO, section by section.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/command/call.h"

namespace redan {

// What only the node knows.
struct NodeFacts {
  std::string run_id;
  std::string config_file;
  std::string executable;
  std::string supervised = "no";
  Instant started{};
  Instant now{};
  int64_t wall_us = 0;
  size_t lazy_pending = 0;
  bool loading = false;
  uint64_t loading_total_bytes = 0;
  uint64_t loading_loaded_bytes = 0;
  int64_t loading_started_unix_s = 0;
  int64_t shutdown_in_ms = -1;
  const char* paused_reason = "none";
  size_t paused_clients = 0;
};

// `sections` as INFO takes them; empty: the default ones.
std::string info_text(const ServerParts& parts, const NodeFacts& facts,
                      std::span<const std::string_view> sections);

}  // namespace redan
