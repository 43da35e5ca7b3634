#include "sentinel/drivers/sentinel_config.h"

#include "common/config/log_level.h"

namespace redan {

namespace {

const Option kOptions[] = {
    {.name = "bind",
     .field = &SentinelConfig::bind,
     .fallback = "* -::*",
     .range = {.min = 0, .max = 16},
     .doc = "Addresses to listen on; a leading '-' lets one be missing. The bus follows."},
    {.name = "port",
     .field = &SentinelConfig::port,
     .fallback = "26379",
     .range = {.min = 1, .max = 65535},
     .change = Change::kImmutable,
     .doc = "TCP port of clients and stock sentinels; the bus listens on the port 10000 above."},
    {.name = "tcp-backlog",
     .field = &SentinelConfig::tcp_backlog,
     .fallback = "511",
     .range = {.min = 0, .max = kIntMax},
     .change = Change::kImmutable,
     .doc = "Length of the queue of connections not yet accepted."},
    {.name = "protected-mode",
     .field = &SentinelConfig::protected_mode,
     .fallback = "no",
     .doc = "Without a password, answer clients and bus peers of this host only."},
    {.name = "requirepass",
     .field = &SentinelConfig::requirepass,
     .secret = true,
     .doc = "Password of clients."},
    {.name = "maxclients",
     .field = &SentinelConfig::maxclients,
     .fallback = "10000",
     .range = {.min = 1, .max = kIntMax},
     .doc = "Clients served at once."},
    {.name = "timeout",
     .field = &SentinelConfig::timeout,
     .fallback = "0",
     .range = {.min = 0, .max = kIntMax},
     .doc = "Seconds after which an idle client is disconnected; 0 never."},
    {.name = "tcp-keepalive",
     .field = &SentinelConfig::tcp_keepalive,
     .fallback = "300",
     .range = {.min = 0, .max = kIntMax},
     .doc = "Seconds between TCP keepalive probes; 0 sends none."},
    {.name = "bind-source-addr",
     .field = &SentinelConfig::bind_source_addr,
     .doc = "Address that connections to data nodes and stock sentinels come from."},
    {.name = "dir", .field = &SentinelConfig::dir, .fallback = "./", .doc = "Working directory."},
    {.name = "logfile",
     .field = &SentinelConfig::logfile,
     .change = Change::kImmutable,
     .doc = "File that log lines are appended to; empty is standard output."},
    {.name = "loglevel",
     .field = &SentinelConfig::loglevel,
     .fallback = "notice",
     .doc = "How much is logged."},
    {.name = "syslog-enabled",
     .field = &SentinelConfig::syslog_enabled,
     .fallback = "no",
     .change = Change::kImmutable,
     .doc = "Log to syslog as well."},
    {.name = "syslog-ident",
     .field = &SentinelConfig::syslog_ident,
     .fallback = "redan-sentinel",
     .change = Change::kImmutable,
     .doc = "The name in syslog."},
    {.name = "daemonize",
     .field = &SentinelConfig::daemonize,
     .fallback = "no",
     .change = Change::kImmutable,
     .doc = "Run in the background."},
    {.name = "pidfile",
     .field = &SentinelConfig::pidfile,
     .change = Change::kImmutable,
     .doc = "File that holds the pid while the sentinel runs."},
};

constexpr std::string_view kWithoutEffect[] = {
    "acllog-max-len",
    "aclfile",
    "always-show-logo",
    "appendonly",
    "client-output-buffer-limit",
    "crash-log-enabled",
    "crash-memcheck-enabled",
    "databases",
    "enable-debug-command",
    "enable-module-command",
    "enable-protected-configs",
    "hz",
    "latency-tracking",
    "latency-tracking-info-percentiles",
    "locale-collate",
    "proc-title-template",
    "save",
    "set-proc-title",
    "socket-mark-id",
    "supervised",
    "syslog-facility",
};

}  // namespace

OptionList sentinel_options() {
  return join_options({kOptions});
}

std::span<const std::string_view> directives_without_effect() {
  return kWithoutEffect;
}

}  // namespace redan
