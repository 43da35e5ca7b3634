// What clients of a writable replica gave a time to live. The primary does not know these keys and
// will never say that their time has come, so that the replica ends them itself, as Redis' does. (A
// key that the primary has written since then is its own: it is ended here at the time it gave.)
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/command/call.h"

namespace redan {

class OwnExpiry {
 public:
  // More keys are not remembered; they go when the replica is promoted, or synchronized in full.
  static constexpr size_t kMost = 1'000'000;

  explicit OwnExpiry(ServerParts& parts) : parts_(parts) {}
  // A client's command changed something on this replica.
  void wrote(int db, const CommandEntry& command, std::span<const std::string_view> args);
  // Looks at some of the keys, from where it stopped, and ends those whose time has come.
  void expire_some(size_t enough);
  void clear() { keys_.clear(); }
  size_t size() const { return keys_.size(); }

 private:
  using Place = std::pair<int, std::string>;
  void remember(int db, std::string_view key);

  ServerParts& parts_;
  std::set<Place> keys_;
  Place next_;
  std::vector<KeyRef> found_;
};

}  // namespace redan
