#include "server/command/strings/set_options.h"

namespace redan {

namespace {

std::optional<TimeForm> match_time(ArgReader& words) {
  if (words.match_with("EX", 1)) return TimeForm{TimeUnit::kSeconds, false};
  if (words.match_with("PX", 1)) return TimeForm{TimeUnit::kMillis, false};
  if (words.match_with("EXAT", 1)) return TimeForm{TimeUnit::kSeconds, true};
  if (words.match_with("PXAT", 1)) return TimeForm{TimeUnit::kMillis, true};
  return std::nullopt;
}

// NX, XX or a condition; a second kind is none.
bool match_condition(ArgReader& words, SetOptionsOf command, SetOptions& options) {
  if (!options.only_existing && !options.condition && words.match("NX")) {
    options.only_new = true;
  } else if (!options.only_new && !options.condition && words.match("XX")) {
    options.only_existing = true;
  } else if (command == SetOptionsOf::kSet && !options.only_new && !options.only_existing &&
             !options.condition) {
    options.condition = ValueCondition::match(words);
    return options.condition.has_value();
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<SetOptions> read_set_options(ArgReader words, SetOptionsOf command) {
  const bool set = command == SetOptionsOf::kSet;
  const bool get_ex = command == SetOptionsOf::kGetEx;
  SetOptions options;
  while (words.more()) {
    const bool has_time = options.form.has_value();
    const bool may_have_time = !has_time && !options.keep_ttl && !options.persist;
    if (!get_ex && match_condition(words, command, options)) continue;
    if (set && words.match("GET")) {
      options.get = true;
    } else if (!get_ex && !has_time && words.match("KEEPTTL")) {
      options.keep_ttl = true;
    } else if (get_ex && !has_time && words.match("PERSIST")) {
      options.persist = true;
    } else if (const auto form = may_have_time ? match_time(words) : std::nullopt) {
      options.form = form;
      options.time = words.next();
    } else {
      return syntax_error();
    }
  }
  if (options.condition) {
    if (const Result<void> good = options.condition->check(); !good) return good.error();
  }
  return options;
}

Result<std::optional<int64_t>> deadline_of(const SetOptions& options, int64_t now_ms,
                                           std::string_view command) {
  if (!options.form) return std::optional<int64_t>();
  const Result<int64_t> time = deadline_to_come(options.time, *options.form, now_ms, command);
  if (!time) return time.error();
  return std::optional(*time);
}

}  // namespace redan
