#include "server/command/strings/value_condition.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/base/parse.h"

namespace redan {

namespace {
constexpr size_t kDigestDigits = 16;
}

std::string value_digest_hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  uint64_t hash = XXH3_64bits(bytes.data(), bytes.size());
  std::string hex(kDigestDigits, '0');
  for (size_t i = hex.size(); i-- > 0; hash >>= 4) hex[i] = kDigits[hash & 15];
  return hex;
}

std::optional<ValueCondition> ValueCondition::match(ArgReader& words) {
  using K = Kind;
  static constexpr std::pair<std::string_view, K> kWords[] = {{"IFEQ", K::kEqual},
                                                              {"IFNE", K::kNotEqual},
                                                              {"IFDEQ", K::kDigestEqual},
                                                              {"IFDNE", K::kDigestNotEqual}};
  for (const auto& [word, kind] : kWords) {
    if (words.match_with(word, 1)) return ValueCondition{kind, words.next()};
  }
  return std::nullopt;
}

Result<void> ValueCondition::check() const {
  if (kind == Kind::kEqual || kind == Kind::kNotEqual) return kOk;
  bool good = operand.size() == kDigestDigits;
  for (const char c : operand)
    good &= std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
  if (good) return kOk;
  return Error("a digest has exactly 16 hexadecimal digits, as DIGEST answers it");
}

bool ValueCondition::holds(const Entry* entry) const {
  const bool wants_equal = kind == Kind::kEqual || kind == Kind::kDigestEqual;
  if (entry == nullptr) return !wants_equal;
  Entry::Scratch scratch;
  const std::string_view value = entry->string(scratch);
  const bool by_digest = kind == Kind::kDigestEqual || kind == Kind::kDigestNotEqual;
  const bool equal = by_digest ? iequals(value_digest_hex(value), operand) : value == operand;
  return equal == wants_equal;
}

}  // namespace redan
