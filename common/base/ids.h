// The identities of the field: who (NodeId), which configuration (Epoch), which part of the key
// space (Slot), how far in a replication stream (a plain int64_t named ..._offset).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "common/base/strong.h"

namespace redan {

using Epoch = Strong<struct EpochTag, uint64_t>;
using Slot = Strong<struct SlotTag, uint16_t>;
inline constexpr uint16_t kSlotCount = 16384;

// 160 random bits, written as 40 lower-case hex digits: a node's, a run's or a history's name.
class NodeId {
 public:
  constexpr NodeId() = default;
  // For tests and simulations: a small number as an identity.
  constexpr explicit NodeId(uint64_t number) {
    for (int i = 0; i < 8; ++i) bytes_[19 - i] = static_cast<uint8_t>(number >> (8 * i));
  }
  constexpr explicit NodeId(const std::array<uint8_t, 20>& bytes) : bytes_(bytes) {}

  static std::optional<NodeId> from_hex(std::string_view hex);
  std::string hex() const;
  const std::array<uint8_t, 20>& bytes() const { return bytes_; }
  bool empty() const { return *this == NodeId(); }

  friend constexpr auto operator<=>(const NodeId&, const NodeId&) = default;
  friend std::ostream& operator<<(std::ostream& out, const NodeId& id) { return out << id.hex(); }

 private:
  std::array<uint8_t, 20> bytes_{};
};

}  // namespace redan

template <>
struct std::hash<redan::NodeId> {
  size_t operator()(const redan::NodeId& id) const {
    return std::hash<std::string_view>()(
        {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()});
  }
};
