#include "server/command/sorted_sets/geo_args.h"

#include <cmath>
#include <cstdio>

#include "common/base/double_text.h"
#include "common/base/parse.h"
#include "common/command/args.h"

namespace redan {

Result<double> geo_unit_arg(std::string_view word) {
  if (iequals(word, "m")) return 1.0;
  if (iequals(word, "km")) return 1000.0;
  if (iequals(word, "ft")) return 0.3048;
  if (iequals(word, "mi")) return 1609.34;
  return Error("unsupported unit provided. please use M, KM, FT, MI");
}

Result<geo::Place> geo_place_arg(std::string_view longitude, std::string_view latitude) {
  const Result<double> x = double_arg(longitude);
  if (!x) return x.error();
  const Result<double> y = double_arg(latitude);
  if (!y) return y.error();
  const geo::Place place{.longitude = *x, .latitude = *y};
  if (geo::can_be_kept(place)) return place;
  // A double has up to 309 digits before the point.
  char text[700];
  std::snprintf(text, sizeof text, "invalid longitude,latitude pair %f,%f", *x, *y);
  return Error(text);
}

std::optional<geo::Place> place_of_member(const SortedSetView& set, std::string_view member) {
  const std::optional<double> score = set.score(member);
  if (!score) return std::nullopt;
  return geo::place_of_score(*score);
}

namespace {

void reply_coordinate(ReplyWriter& reply, double value) {
  const std::string text = format_long_double_human(value);
  if (reply.version() == Resp::k3) {
    reply.raw("," + text + "\r\n");
  } else {
    reply.bulk(text);
  }
}

}  // namespace

void reply_place(ReplyWriter& reply, geo::Place place) {
  reply.array(2);
  reply_coordinate(reply, place.longitude);
  reply_coordinate(reply, place.latitude);
}

void reply_distance(ReplyWriter& reply, double distance) {
  // Redis rounds to a whole number of ten-thousandths, a half to the even one.
  const long long parts = std::llrint(distance * 10'000);
  char text[40];
  const int size = std::snprintf(text, sizeof text, "%lld.%04lld", parts / 10'000, parts % 10'000);
  reply.bulk({text, static_cast<size_t>(size)});
}

}  // namespace redan
