// Strong<Tag, Rep>: a number with a meaning, so that a Slot is never taken for an Epoch.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace redan {

template <class Tag, class Rep>
struct Strong {
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  constexpr Strong next() const { return Strong(static_cast<Rep>(value + 1)); }
  friend std::ostream& operator<<(std::ostream& out, const Strong& s) { return out << +s.value; }
};

}  // namespace redan

template <class Tag, class Rep>
struct std::hash<redan::Strong<Tag, Rep>> {
  size_t operator()(const redan::Strong<Tag, Rep>& s) const { return std::hash<Rep>()(s.value); }
};
