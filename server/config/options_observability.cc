// Scripts, slow commands, latency.
#include "common/config/value.h"
#include "server/config/options.h"
#include "server/config/server_config.h"
#include "server/config/values.h"

namespace redan {
namespace {

const Option kOptions[] = {
    {.name = "busy-reply-threshold",
     .alias = "lua-time-limit",
     .field = &ServerConfig::busy_reply_threshold,
     .fallback = "5000",
     .range = {.min = 0, .max = kInt64Max},
     .effective = false,
     .doc = "Milliseconds after which a script answers others with BUSY."},
    {.name = "slowlog-log-slower-than",
     .alias = "commandlog-execution-slower-than",
     .field = &ServerConfig::slowlog_log_slower_than,
     .fallback = "10000",
     .range = {.min = -1, .max = kInt64Max},
     .doc = "Microseconds from which a command is slow; -1 logs none, 0 all."},
    {.name = "slowlog-max-len",
     .alias = "commandlog-slow-execution-max-len",
     .field = &ServerConfig::slowlog_max_len,
     .fallback = "128",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Slow commands kept."},
    {.name = "commandlog-request-larger-than",
     .field = &ServerConfig::commandlog_request_larger_than,
     .fallback = "1048576",
     .range = {.min = -1, .max = kInt64Max},
     .doc = "Bytes from which a request is kept in COMMANDLOG; -1 keeps none."},
    {.name = "commandlog-large-request-max-len",
     .field = &ServerConfig::commandlog_large_request_max_len,
     .fallback = "128",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Commands with large requests kept."},
    {.name = "commandlog-reply-larger-than",
     .field = &ServerConfig::commandlog_reply_larger_than,
     .fallback = "1048576",
     .range = {.min = -1, .max = kInt64Max},
     .doc = "Bytes from which a reply is kept in COMMANDLOG; -1 keeps none."},
    {.name = "commandlog-large-reply-max-len",
     .field = &ServerConfig::commandlog_large_reply_max_len,
     .fallback = "128",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Commands with large replies kept."},
    {.name = "latency-monitor-threshold",
     .field = &ServerConfig::latency_monitor_threshold,
     .fallback = "0",
     .range = {.min = 0, .max = kInt64Max},
     .doc = "Milliseconds from which a latency event is kept; 0 keeps none."},
    {.name = "latency-tracking",
     .field = &ServerConfig::latency_tracking,
     .fallback = "yes",
     .doc = "Measure each command's latency."},
    {.name = "latency-tracking-info-percentiles",
     .field = &ServerConfig::latency_tracking_info_percentiles,
     .fallback = "50 99 99.9",
     .doc = "Percentiles shown by INFO latencystats."},
};

}  // namespace

std::span<const Option> observability_options() {
  return kOptions;
}

}  // namespace redan
