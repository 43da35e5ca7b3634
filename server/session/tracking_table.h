// Which clients have read which keys, for client-side caching: each read adds a client to its key,
// and a change takes the key out with all who are to hear of it.
//
// Keys have names only, no database, and clients are ids: one that is gone stays in the table until
// its key changes, as in Redis, so that a connection that ends costs nothing. So that a key which
// many read and nobody changes does not gather the dead for ever, a list that has doubled is swept.
//
// Pure. Memory: some 130 bytes for a key beside its name, 8 more for each client that read it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/rng.h"

namespace redan {

class TrackingTable {
 public:
  using Ids = std::vector<uint64_t>;  // ascending

  // `alive(id)`: whether that client may still want to hear of anything; asked rarely.
  template <class Alive>
  void add(std::string_view key, uint64_t id, Alive&& alive) {
    Readers& readers = readers_of(key);
    if (!insert(readers, id)) return;
    if (readers.ids.size() < readers.sweep_at) return;
    items_ -= std::erase_if(readers.ids, [&](uint64_t one) { return one != id && !alive(one); });
    readers.sweep_at = std::max(kFirstSweep, 2 * readers.ids.size());
  }
  // Who has read the key; it is forgotten.
  Ids take(std::string_view key);
  // A key drawn at random; there must be one.
  std::string_view draw(Rng& rng) const { return order_[rng.below(order_.size())]->first; }
  // Large ones are only put aside: freeing a million keys would hold up every client.
  void clear();
  // Frees up to `count` keys of what was put aside; false: nothing is left of it.
  bool free_some(size_t count);

  size_t keys() const { return order_.size(); }
  size_t items() const { return items_; }  // pairs of a key and a client
  bool empty() const { return order_.empty(); }
  void check_invariants() const;

 private:
  static constexpr size_t kFirstSweep = 64;
  static constexpr size_t kFreedAtOnce = 10'000;
  struct Readers {
    Ids ids;
    size_t place = 0;  // in order_
    size_t sweep_at = kFirstSweep;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Keys = std::unordered_map<std::string, Readers, Hash, std::equal_to<>>;

  Readers& readers_of(std::string_view key);
  bool insert(Readers& readers, uint64_t id);

  Keys keys_;
  std::vector<Keys::value_type*> order_;  // all of keys_, to draw from
  size_t items_ = 0;
  std::vector<Keys> cleared_;  // put aside
};

}  // namespace redan
