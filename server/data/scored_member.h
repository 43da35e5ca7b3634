// One member of a large sorted set with its score: a single allocation.
//
//   offset 0  score                 8 bytes
//          8  length of the member  1 byte   (255: the real one stands in the 4 bytes behind)
//          9  [length, 4 bytes], member
//
// Members are ordered by score, and by their bytes where scores are equal.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/base/check.h"
#include "server/data/value.h"

namespace redan {

class ScoredMember {
 public:
  std::string_view key() const {
    const char* const at = reinterpret_cast<const char*>(this) + kHeadBytes;
    if (length_ != kLong) [[likely]] {
      return {at, length_};
    }
    uint32_t length;
    std::memcpy(&length, at, sizeof length);
    return {at + sizeof length, length};
  }
  double score() const { return score_; }
  // Only with a place from ElementTable::locate(), and by whoever keeps the order.
  void set_score(double score) { score_ = score; }

  size_t allocated_bytes() const { return size_class(bytes_for(key().size())); }
  ValuePiece piece() const {
    int64_t bits;
    std::memcpy(&bits, &score_, sizeof bits);
    return {.kind = ValuePiece::Kind::kScored, .a = key(), .number = bits};
  }

  static ScoredMember* make(std::string_view member, double score) {
    REDAN_CHECK(member.size() <= UINT32_MAX);
    auto* const made = static_cast<ScoredMember*>(std::malloc(bytes_for(member.size())));
    REDAN_CHECK(made != nullptr);
    made->score_ = score;
    char* to = reinterpret_cast<char*>(made) + kHeadBytes;
    if (member.size() < kLong) {
      made->length_ = static_cast<uint8_t>(member.size());
    } else {
      made->length_ = kLong;
      const auto length = static_cast<uint32_t>(member.size());
      std::memcpy(to, &length, sizeof length);
      to += sizeof length;
    }
    if (!member.empty()) std::memcpy(to, member.data(), member.size());
    return made;
  }
  static ScoredMember* copy(const ScoredMember& other) { return make(other.key(), other.score_); }
  static void free(ScoredMember* member) { std::free(member); }

 private:
  static constexpr size_t kHeadBytes = 9;
  static constexpr uint8_t kLong = 255;
  static size_t bytes_for(size_t length) {
    const size_t bytes = kHeadBytes + length + (length < kLong ? 0 : sizeof(uint32_t));
    // The struct itself is padded to 16 bytes.
    return bytes < sizeof(double) * 2 ? sizeof(double) * 2 : bytes;
  }

  double score_;
  uint8_t length_;
};

// Whether `a` stands before the member `b` with that score.
inline bool stands_before(double a_score, std::string_view a, double b_score, std::string_view b) {
  return a_score != b_score ? a_score < b_score : a < b;
}

}  // namespace redan
