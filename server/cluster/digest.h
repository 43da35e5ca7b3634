// A 64-bit digest of a sequence of values, the same on every machine (FNV-1a). Tells versions
// apart; no defence against forgery.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/ids.h"

namespace redan::cluster {

class Digest {
 public:
  Digest& add(uint64_t value) {
    for (int i = 0; i < 8; ++i) byte(static_cast<uint8_t>(value >> (8 * i)));
    return *this;
  }
  Digest& add(std::string_view text) {
    add(text.size());
    for (const char c : text) byte(static_cast<uint8_t>(c));
    return *this;
  }
  Digest& add(const NodeId& id) {
    for (const uint8_t b : id.bytes()) byte(b);
    return *this;
  }
  // Never 0, which stands for "none".
  uint64_t value() const { return hash_ == 0 ? 1 : hash_; }

 private:
  void byte(uint8_t b) { hash_ = (hash_ ^ b) * 1099511628211ull; }
  uint64_t hash_ = 14695981039346656037ull;
};

// The last eight bytes of an identity.
inline uint64_t short_id(const NodeId& id) {
  uint64_t value = 0;
  for (int i = 12; i < 20; ++i) value = value << 8 | id.bytes()[i];
  return value;
}

}  // namespace redan::cluster
