// What is kept of calls that stood out: slow ones (SLOWLOG), and those with a large request or a
// large reply (COMMANDLOG, as Valkey 8.1 names all three); what held the data thread up; and which
// keys are hot. And who watches all of them (MONITOR).
#pragma once

#include "server/session/hot_keys.h"
#include "server/session/latency_events.h"
#include "server/session/monitors.h"
#include "server/session/slowlog.h"

namespace redan {

struct CommandLogs {
  SlowLog slow;            // amounts are microseconds
  SlowLog large_requests;  // bytes
  SlowLog large_replies;   // bytes
  LatencyEvents latency;
  HotKeys hot_keys;
  Monitors monitors;
};

}  // namespace redan
