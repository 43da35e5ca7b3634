// IFEQ, IFNE, IFDEQ and IFDNE: a string is set or deleted only if it is, or is not, what the client
// believes it to be; the last two compare a digest of it (XXH3, 16 hexadecimal digits, as DIGEST
// answers). Source: SET and DELEX of Redis 8.4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/command/args.h"
#include "server/keyspace/entry.h"

namespace redan {

struct ValueCondition {
  enum class Kind : uint8_t { kEqual, kNotEqual, kDigestEqual, kDigestNotEqual };
  Kind kind;
  std::string_view operand;

  // The next words, where they are one.
  static std::optional<ValueCondition> match(ArgReader& words);
  // What is wrong with the operand.
  Result<void> check() const;
  // Of a string, or of no key (nullptr): nothing is equal to that.
  bool holds(const Entry* entry) const;
};

// XXH3 of the bytes, as 16 lower-case hexadecimal digits.
std::string value_digest_hex(std::string_view bytes);

}  // namespace redan
