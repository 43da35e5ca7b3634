// What several sets have in common, and what they have together. `each` sees every member of the
// result once; members are good until the next change of any key.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "server/data/limits.h"
#include "server/values/set_value.h"

namespace redan {

// Returns false to end early.
using EachMember = std::function<bool(const SetView::Member&)>;

// In all of them. The order of the sets is changed.
void intersect(std::span<SetView> sets, const EachMember& each);
// In any of them. The order of the sets is changed.
void unite(std::span<SetView> sets, const EncodingLimits& limits, const EachMember& each);
// In the first and in none of the others.
void subtract(const SetView& first, std::span<SetView> others, const EncodingLimits& limits,
              const EachMember& each);

}  // namespace redan
