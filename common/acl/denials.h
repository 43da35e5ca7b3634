// What was refused: its words for clients, and the list of ACL LOG.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "common/acl/user.h"

namespace redan::acl {

// What DRYRUN answers, and where a client is told less (its words are its own) what stands behind
// NOPERM.
std::string told_in_full(const Denial& denial, const User& user, const CommandEntry& command,
                         std::span<const std::string_view> args);
std::string told_to_client(const Denial& denial, const User& user, const CommandEntry& command);
// Why a command that was queued is not executed.
std::string_view told_in_transaction(Reason reason);

std::string_view name_of(Reason reason);

class DenialLog {
 public:
  struct Entry {
    uint64_t id = 0;
    uint64_t count = 1;
    Reason reason = Reason::kCommand;
    std::string_view context;  // "toplevel", "multi"
    std::string object;        // the command, key or channel
    std::string user;
    std::string client;  // a line of CLIENT LIST
    int64_t created_ms = 0;
    int64_t updated_ms = 0;
  };

  // Its times are `now_ms`. One like it of the last minute, if it is among the latest, counts once
  // more instead.
  void add(Entry entry, int64_t now_ms, size_t max_length);
  void clear() { entries_.clear(); }
  // The latest first.
  const std::deque<Entry>& entries() const { return entries_; }

 private:
  std::deque<Entry> entries_;
  uint64_t next_id_ = 0;
};

}  // namespace redan::acl
