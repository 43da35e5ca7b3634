// What the geo commands have in common: units, places in requests and replies.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "server/command/call.h"
#include "server/data/geo.h"
#include "server/values/sorted_set_value.h"

namespace redan {

// Metres in a unit: "m", "km", "ft" or "mi", in any case.
Result<double> geo_unit_arg(std::string_view word);
// Two words: longitude and latitude, on the map.
Result<geo::Place> geo_place_arg(std::string_view longitude, std::string_view latitude);

std::optional<geo::Place> place_of_member(const SortedSetView& set, std::string_view member);

void reply_place(ReplyWriter& reply, geo::Place place);
// With four digits behind the point.
void reply_distance(ReplyWriter& reply, double distance);

}  // namespace redan
