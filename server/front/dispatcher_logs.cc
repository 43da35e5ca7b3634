// Calls that stand out: slow ones, large ones, and the keys that are asked for most.
#include "common/base/crc16.h"
#include "common/command/keys.h"
#include "server/front/dispatcher.h"
#include "server/front/redaction.h"
#include "server/session/command_logs.h"

namespace redan {

void Dispatcher::log_slow(Session& session, Args args, const Entry& entry, uint64_t spent) {
  if ((entry.flags & kSkipSlowlog) != 0) return;
  const ServerConfig& config = parts_.config;
  const auto spent_us = static_cast<int64_t>(spent / 1000);
  if (const int64_t ms = config.latency_monitor_threshold; ms > 0 && spent_us >= ms * 1000) {
    const bool fast = (entry.flags & kFast) != 0;
    parts_.logs.latency.add(fast ? "fast-command" : "command", unix_ms(wall_) / 1000,
                            spent_us / 1000);
  }
  if (config.slowlog_log_slower_than < 0 || spent_us < config.slowlog_log_slower_than) return;
  log_entry(parts_.logs.slow, session, args, entry, static_cast<size_t>(spent_us),
            config.slowlog_max_len);
}

void Dispatcher::log_entry(SlowLog& log, Session& session, Args args, const Entry& entry,
                           size_t amount, int64_t max_length) {
  if ((entry.flags & kSkipSlowlog) != 0) return;
  log.add({.id = 0,
           .unix_s = unix_ms(wall_) / 1000,
           .amount = static_cast<int64_t>(amount),
           .args = {},
           .peer = session.connection ? session.connection->peer_address() : "?:0",
           .client_name = session.name},
          shown_words(entry, args, parts_.options), static_cast<size_t>(max_length));
}

void Dispatcher::log_sizes(Session& session, Args args, const Entry& entry, size_t replied) {
  const ServerConfig& config = parts_.config;
  const auto stands_out = [](size_t bytes, int64_t limit) {
    return limit >= 0 && bytes > static_cast<size_t>(limit);
  };
  if (stands_out(replied, config.commandlog_reply_larger_than)) [[unlikely]] {
    log_entry(parts_.logs.large_replies, session, args, entry, replied,
              config.commandlog_large_reply_max_len);
  }
  size_t asked = 0;
  for (const std::string_view word : args) asked += word.size();
  if (stands_out(asked, config.commandlog_request_larger_than)) [[unlikely]] {
    log_entry(parts_.logs.large_requests, session, args, entry, asked,
              config.commandlog_large_request_max_len);
  }
}

// Which call of the series it was is not known, and the entry says so.
void Dispatcher::log_slow_series(const Series& series, uint64_t spent) {
  RequestParser parser;
  if (parser.parse(series.raw, limits(*series.session)) != RequestParser::Status::kRequest) return;
  std::vector<std::string_view> args(parser.args().begin(), parser.args().end());
  std::string others;
  if (series.calls > 1) {
    others = "... (or one of the " + std::to_string(series.calls - 1) +
             " before it in the same pipeline)";
    args.push_back(others);
  }
  log_slow(*series.session, args, *series.entry, spent);
}

void Dispatcher::note_hot_keys(Args args, const Entry& entry, uint64_t spent, size_t replied) {
  HotKeys& hot = parts_.logs.hot_keys;
  uint64_t bytes = replied;
  for (const std::string_view word : args) bytes += word.size();
  hot.call(spent, bytes);
  // What EXEC ran was told call by call.
  if (entry.full_name == "exec") return;
  std::vector<KeyRef> keys;
  if (!find_keys(*entry.spec, args, keys) || keys.empty()) return;
  for (const KeyRef& key : keys) {
    const std::string_view name = args[static_cast<size_t>(key.position)];
    if (hot.options().slots && !hot.wants_slot(slot_of_key(name))) continue;
    hot.key(name, spent / keys.size(), bytes / keys.size());
  }
}

}  // namespace redan
