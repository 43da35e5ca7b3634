#include "common/acl/denials.h"

#include <algorithm>

namespace redan::acl {

std::string told_in_full(const Denial& denial, const User& user, const CommandEntry& command,
                         std::span<const std::string_view> args) {
  if (denial.reason == Reason::kCommand) return told_to_client(denial, user, command);
  return "User " + user.name() + " has no permissions to access the '" +
         std::string(args[denial.position]) + "' " + std::string(name_of(denial.reason));
}

std::string told_to_client(const Denial& denial, const User& user, const CommandEntry& command) {
  switch (denial.reason) {
    case Reason::kKey:
      return "No permissions to access a key";
    case Reason::kChannel:
      return "No permissions to access a channel";
    case Reason::kCommand:
    case Reason::kAuth:
      break;
  }
  return "User " + user.name() + " has no permissions to run the '" + command.full_name +
         "' command";
}

std::string_view told_in_transaction(Reason reason) {
  switch (reason) {
    case Reason::kKey:
      return "no permission to touch the specified keys";
    case Reason::kChannel:
      return "no permission to access one of the channels used as arguments";
    case Reason::kCommand:
    case Reason::kAuth:
      break;
  }
  return "no permission to execute the command or subcommand";
}

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::kCommand:
      return "command";
    case Reason::kKey:
      return "key";
    case Reason::kChannel:
      return "channel";
    case Reason::kAuth:
      return "auth";
  }
  return {};
}

void DenialLog::add(Entry entry, int64_t now_ms, size_t max_length) {
  constexpr size_t kLatest = 10;
  constexpr int64_t kMinuteMs = 60'000;
  entry.created_ms = entry.updated_ms = now_ms;
  const auto end =
      entries_.begin() + static_cast<std::ptrdiff_t>(std::min(kLatest, entries_.size()));
  const auto alike = std::find_if(entries_.begin(), end, [&](const Entry& known) {
    return known.reason == entry.reason && known.context == entry.context &&
           known.object == entry.object && known.user == entry.user &&
           now_ms - known.updated_ms <= kMinuteMs;
  });
  if (alike != end) {
    entry.id = alike->id;
    entry.count = alike->count + 1;
    entry.created_ms = alike->created_ms;
    entries_.erase(alike);
  } else {
    entry.id = next_id_++;
  }
  entries_.push_front(std::move(entry));
  while (entries_.size() > max_length) entries_.pop_back();
}

}  // namespace redan::acl
