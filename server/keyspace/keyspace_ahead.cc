// Lookups that are announced before they are made: what they will read is asked for in rounds, one
// for each step that needs the memory of the step before. A round's cache misses overlap; one after
// the other, each costs as much as executing the command.
#include <array>

#include "common/base/prefetch.h"
#include "common/base/same_text.h"
#include "server/keyspace/keyspace.h"

namespace redan {

void Keyspace::prefetch(int db, std::span<const std::string_view> keys,
                        std::span<const std::string_view> members) const {
  REDAN_CHECK(keys.size() <= kLookupsAhead);
  REDAN_CHECK(keys.size() <= members.size());
  std::array<uint64_t, kLookupsAhead> hashes;
  std::array<const Entry*, kLookupsAhead> entries;
  if (slots_ != nullptr) {
    slots_->prefetch(hash_key_, keys, entries);
  } else {
    const Table& table = *database(db).table;
    for (size_t i = 0; i < keys.size(); ++i) {
      const bool again = i > 0 && same_text(keys[i], keys[i - 1]);
      hashes[i] = again ? hashes[i - 1] : table.prefetch_bucket(keys[i]);
    }
    for (size_t i = 0; i < keys.size(); ++i) table.prefetch_matches(hashes[i]);
    for (size_t i = 0; i < keys.size(); ++i) entries[i] = table.likely(hashes[i]);
  }

  // Fields and members of large values.
  std::array<const LargeValue*, kLookupsAhead> larges;
  for (size_t i = 0; i < keys.size(); ++i) {
    const bool large = !members[i].empty() && entries[i] != nullptr && entries[i]->is_large();
    larges[i] = large ? &entries[i]->large() : nullptr;
    prefetch_line(larges[i]);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (larges[i] != nullptr) hashes[i] = larges[i]->prefetch_bucket(members[i]);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (larges[i] != nullptr) larges[i]->prefetch_matches(hashes[i]);
  }
}

}  // namespace redan
