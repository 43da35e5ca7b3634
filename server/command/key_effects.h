// What several families do to keys, and how replicas hear of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/decimal.h"
#include "common/base/result.h"
#include "server/command/call.h"
#include "server/keyspace/keyspace.h"

namespace redan {

inline Error wrong_type() {
  return Error("WRONGTYPE", "Operation against a key holding the wrong kind of value");
}
inline Error no_such_key() {
  return Error("no such key");
}
inline Error same_object() {
  return Error("source and destination objects are the same");
}

// A number as text, on the stack.
class Digits {
 public:
  explicit Digits(int64_t value)
      : size_(static_cast<size_t>(print_decimal(text_, value) - text_)) {}
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[24];
  size_t size_;
};

// The lazyfree options say who frees a value.
inline Keyspace::Free free_by(bool lazily) {
  return lazily ? Keyspace::Free::kLazily : Keyspace::Free::kNow;
}

// Gives a key that exists a deadline; one that has passed deletes it. Replicas hear of the time as
// PEXPIREAT, of the deletion as DEL or UNLINK.
void expire_at(Call& call, std::string_view key, int64_t deadline_ms);

// A database's number in a request.
Result<int> database_arg(Call& call, std::string_view word);

}  // namespace redan
