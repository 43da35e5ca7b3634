// The words of commands that name fields behind FIELDS, and the deadlines of fields.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "server/command/call.h"
#include "server/command/expiration.h"

namespace redan {

// The latest deadline of a field: what Redis 7.4 can keep (46 bits of milliseconds).
inline constexpr int64_t kLatestFieldExpiryMs = (int64_t{1} << 46) - 1;

// FIELDS numfields field [field ...], from word `at` to the end. `bad_number`: the error's text
// where numfields is none.
Result<std::span<const std::string_view>> field_words(Call& call, size_t at,
                                                      std::string_view bad_number);

// A deadline of fields in unix milliseconds; zero and times in the past are fine. `command` is for
// the error's text.
Result<int64_t> field_deadline(Call& call, std::string_view word, TimeForm form,
                               std::string_view command);

// What happens to fields, gathered while a command goes over them, then told to replicas, watchers
// and listeners. The views must last as long.
class FieldEffects {
 public:
  FieldEffects(Call& call, std::string_view key) : call_(call), key_(key) {}

  // A deadline that has come deletes the field, but on a replica, which waits for its primary's
  // word.
  bool has_come(int64_t deadline_ms) const;

  void set(std::string_view field, std::string_view value) {
    set_.push_back(field), set_.push_back(value);
  }
  void expire(std::string_view field, int64_t deadline_ms) {
    expire_.push_back({field, deadline_ms});
  }
  void persist(std::string_view field) { persist_.push_back(field); }
  void erase(std::string_view field) { erase_.push_back(field); }
  // Nothing may hold the hash any more. `key_went`: its last field was deleted.
  void tell(bool key_went);

 private:
  struct Expiring {
    std::string_view field;
    int64_t deadline_ms;
  };
  void propagate_fields(std::vector<std::string_view> head,
                        const std::vector<std::string_view>& fields);
  void propagate_deadlines();

  Call& call_;
  std::string_view key_;
  std::vector<std::string_view> set_;  // fields with their values
  std::vector<Expiring> expire_;
  std::vector<std::string_view> persist_;
  std::vector<std::string_view> erase_;
};

}  // namespace redan
