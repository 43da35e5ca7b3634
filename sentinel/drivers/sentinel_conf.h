// The `sentinel ...` lines of sentinel.conf: what an operator wrote and what the sentinel keeps
// there across restarts, in Redis' format, so that a stock sentinel can go on with the same file.
//   line   = "sentinel" option
//   option = "monitor" name host port quorum
//          | setting name value             down-after-milliseconds, quorum ... (PrimaryOptions)
//          | "rename-command" name from to
//          | "config-epoch" name n | "leader-epoch" name n
//          | ("known-replica" | "known-slave") name host port
//          | "known-sentinel" name host port [runid]
//          | "myid" runid | "current-epoch" n | global value
// Pure: text in, text out. Lines may come in any order; comments and other lines stay.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "sentinel/logic/options.h"

namespace redan {

// Everything that those lines say.
struct SentinelConf {
  DurableState state;
  SentinelOptions options;
  std::string sentinel_user;
  std::string sentinel_pass;
};

// `statements` are the words behind "sentinel", in the order of the file. The error has the form of
// Redis' report on a bad configuration file.
Result<void> apply_statements(std::span<const std::vector<std::string>> statements,
                              SentinelConf& conf);

// The old text, changed so that its sentinel lines say what `conf` says: a line stays or is
// replaced in its place, new ones follow at the end, and what is not true any more goes.
std::string rewrite_conf(std::string_view old, const SentinelConf& conf);

// SENTINEL CONFIG GET and SET.
struct GlobalSetting {
  std::string_view name;
  std::string (*get)(const SentinelConf& conf);
  bool (*set)(SentinelConf& conf, const std::string& value);  // false: not a valid value
};
std::span<const GlobalSetting> global_settings();

}  // namespace redan
