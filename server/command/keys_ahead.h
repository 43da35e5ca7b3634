// For commands that name many keys: asks the memory for the next ones at once, so that their cache
// misses overlap, as the dispatcher does for the requests of a pipeline.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "server/command/call.h"
#include "server/keyspace/keyspace.h"

namespace redan {

// A name that takes long to hash costs more than announcing it gains.
constexpr size_t kLongestAnnounced = 128;

class KeysAhead {
 public:
  // Every `step`th word from the second on is a key.
  KeysAhead(const Call& call, size_t step)
      : keyspace_(call.keyspace()), db_(call.db()), args_(call.args()), step_(step) {
    const bool pays = args_.size() > 1 + step && keyspace_.outgrows_caches(db_);
    if (!pays) next_ = args_.size();
  }

  // Before the key at `position` is looked for.
  void reach(size_t position) {
    if (position >= next_) announce();
  }

 private:
  void announce() {
    static constexpr std::array<std::string_view, kLookupsAhead> kNoMembers;
    std::array<std::string_view, kLookupsAhead> keys;
    size_t count = 0;
    for (; next_ < args_.size() && count < keys.size(); next_ += step_) {
      if (args_[next_].size() <= kLongestAnnounced) keys[count++] = args_[next_];
    }
    keyspace_.prefetch(db_, std::span(keys).first(count), kNoMembers);
  }

  const Keyspace& keyspace_;
  int db_;
  Call::Args args_;
  size_t step_;
  size_t next_ = 1;  // the first that was not announced
};

}  // namespace redan
