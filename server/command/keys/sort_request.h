// What SORT is asked for, read from its words.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/command/args.h"

namespace redan {

// A key, or a field of a hash, whose name an element completes: "weight_*", "user_*->age", or "#"
// for the element itself.
class SortPattern {
 public:
  explicit SortPattern(std::string_view text);

  bool is_element() const { return is_element_; }
  // Without a '*' it names nothing.
  bool names_keys() const { return has_star_; }
  std::string key_for(std::string_view element) const;
  // nullopt: the key is a string.
  std::optional<std::string_view> field() const { return field_; }

 private:
  bool is_element_;
  bool has_star_ = false;
  std::string_view before_;
  std::string_view behind_;
  std::optional<std::string_view> field_;
};

struct SortRequest {
  std::optional<SortPattern> by;
  std::vector<SortPattern> gets;
  bool alpha = false;
  bool descending = false;
  int64_t offset = 0;
  int64_t count = -1;
  std::optional<std::string_view> target;  // of STORE

  // BY a name without '*': nothing is sorted.
  bool keeps_order() const { return by && !by->names_keys(); }
};

struct SortLimits {
  bool may_store = false;
  bool in_cluster = false;      // The keys that patterns name may be anywhere.
  bool reads_every_key = true;  // The user; who does not may be meant to read none of them.
};
Result<SortRequest> read_sort(ArgReader words, const SortLimits& limits);

// The elements of `size` that LIMIT leaves: from `first` on, up to `end`, which is not among them.
struct SortWindow {
  size_t first;
  size_t end;
  size_t size() const { return end - first; }
};
SortWindow window_of(const SortRequest& request, size_t size);

}  // namespace redan
