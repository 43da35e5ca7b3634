#include "sentinel/logic/options.h"

#include "common/base/parse.h"

namespace redan {
namespace {

Result<void> invalid(const std::string& value, const std::string& option) {
  return Error("Invalid argument '" + value + "' for SENTINEL SET '" + option + "'");
}

// A positive number into `field`.
template <class Field>
bool read_positive(const std::string& text, Field& field) {
  const std::optional<int64_t> value = parse_int64(text);
  if (!value || *value <= 0 || *value > INT32_MAX) return false;
  field = Field(*value);
  return true;
}

}  // namespace

size_t option_arity(const std::string& option) {
  static const std::map<std::string, size_t> kArity = {{"down-after-milliseconds", 1},
                                                       {"failover-timeout", 1},
                                                       {"parallel-syncs", 1},
                                                       {"notification-script", 1},
                                                       {"client-reconfig-script", 1},
                                                       {"auth-pass", 1},
                                                       {"auth-user", 1},
                                                       {"quorum", 1},
                                                       {"rename-command", 2},
                                                       {"master-reboot-down-after-period", 1}};
  const auto it = kArity.find(to_lower(option));
  return it == kArity.end() ? 0 : it->second;
}

Result<void> apply_option(PrimaryOptions& options, const std::string& option,
                          const std::vector<std::string>& values) {
  const std::string name = to_lower(option);
  if (option_arity(name) == 0 || values.size() != option_arity(name)) {
    return Error("Unknown option or number of arguments for SENTINEL SET '" + option + "'");
  }
  const std::string& value = values[0];
  bool ok = true;
  if (name == "down-after-milliseconds") {
    ok = read_positive(value, options.down_after);
  } else if (name == "failover-timeout") {
    ok = read_positive(value, options.failover_timeout);
  } else if (name == "parallel-syncs") {
    ok = read_positive(value, options.parallel_syncs);
  } else if (name == "quorum") {
    ok = read_positive(value, options.quorum);
  } else if (name == "master-reboot-down-after-period") {
    const std::optional<int64_t> ms = parse_int64(value);
    ok = ms && *ms >= 0 && *ms <= INT32_MAX;
    if (ok) options.reboot_down_after = Millis(*ms);
  } else if (name == "notification-script") {
    options.notification_script = value;
  } else if (name == "client-reconfig-script") {
    options.client_reconfig_script = value;
  } else if (name == "auth-pass") {
    options.auth_pass = value;
  } else if (name == "auth-user") {
    options.auth_user = value;
  } else {
    const std::string from = to_lower(value);
    if (from.empty()) return invalid(value, option);
    if (values[1].empty()) return invalid(values[1], option);
    options.renamed_commands.erase(from);
    // Renamed to itself: back to the plain name.
    if (!iequals(from, values[1])) options.renamed_commands[from] = values[1];
  }
  if (!ok) return invalid(value, option);
  return kOk;
}

}  // namespace redan
