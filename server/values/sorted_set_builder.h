// Makes a new sorted set of members that come one after another, in any order: compact as long as
// the limits allow it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "server/data/large_sorted_set.h"
#include "server/data/limits.h"
#include "server/data/listpack.h"
#include "server/data/value.h"

namespace redan {

class SortedSetBuilder {
 public:
  explicit SortedSetBuilder(const EncodingLimits& limits) : limits_(limits) {}
  // Of a set that is made already; it becomes compact where it may be.
  SortedSetBuilder(const EncodingLimits& limits, std::unique_ptr<LargeSortedSet> made);

  // How many will come; a claim, which no more room is made for at once than is reasonable.
  void expect(uint64_t members) { expected_ = members; }
  // False, and nothing done: the member is there already.
  bool add(std::string_view member, double score);
  // A new one whose place is behind all that came so far; nothing is searched.
  void append(std::string_view member, double score);
  size_t size() const;
  // The set; there is at least one member. The builder is over.
  StoredValue take();

 private:
  void become_large();
  bool fits(std::string_view member) const {
    return member.size() <= limits_.sorted_set_value_bytes;
  }
  // As one more than `size`, in the compact form.
  bool stays_compact(std::string_view member, size_t size) const;

  EncodingLimits limits_;
  uint64_t expected_ = 0;
  std::string bytes_ = Listpack::empty_bytes();
  std::unique_ptr<LargeSortedSet> large_;
  bool is_ordered_ = false;  // large_
};

}  // namespace redan
