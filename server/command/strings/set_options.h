// The options of SET, GETEX and MSETEX, in any order.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "common/command/args.h"
#include "server/command/expiration.h"
#include "server/command/strings/value_condition.h"

namespace redan {

struct SetOptions {
  bool only_new = false;
  bool only_existing = false;
  std::optional<ValueCondition> condition;
  bool get = false;
  bool keep_ttl = false;
  bool persist = false;
  std::optional<TimeForm> form;  // a deadline: `time`, in this form
  std::string_view time;
};

enum class SetOptionsOf : uint8_t { kSet, kGetEx, kMSetEx };

// All the words that are left.
Result<SetOptions> read_set_options(ArgReader words, SetOptionsOf command);

// The deadline that the options name, in unix milliseconds. `command` is for the error's text.
Result<std::optional<int64_t>> deadline_of(const SetOptions& options, int64_t now_ms,
                                           std::string_view command);

}  // namespace redan
