// The directives that a sentinel shares with a data node: its port, its log, its process. What
// stands behind `sentinel` is in sentinel_conf.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/config/registry.h"
#include "common/config/value.h"
#include "common/log/log.h"

namespace redan {

struct SentinelConfig {
  Words bind;
  int64_t port;
  int64_t tcp_backlog;
  bool protected_mode;
  std::string requirepass;
  int64_t maxclients;
  int64_t timeout;
  int64_t tcp_keepalive;
  std::string bind_source_addr;
  std::string dir;
  std::string logfile;
  LogLevel loglevel;
  bool syslog_enabled;
  std::string syslog_ident;
  bool daemonize;
  std::string pidfile;
};

// The struct at its defaults, and the options of the table.
OptionList sentinel_options();

// Directives of redis.conf that a sentinel reads and does not need (save, appendonly, tls-* ...):
// kept in the file, without effect.
std::span<const std::string_view> directives_without_effect();

}  // namespace redan
