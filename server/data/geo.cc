#include "server/data/geo.h"

#include <algorithm>
#include <cmath>

namespace redan::geo {
namespace {

double radians(double degrees) {
  return degrees * kRadian;
}

// The bits of a word with a zero behind each.
uint64_t spread(uint32_t word) {
  uint64_t bits = word;
  bits = (bits | bits << 16) & 0x0000ffff0000ffff;
  bits = (bits | bits << 8) & 0x00ff00ff00ff00ff;
  bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | bits << 2) & 0x3333333333333333;
  return (bits | bits << 1) & 0x5555555555555555;
}

uint32_t gather(uint64_t bits) {
  bits &= 0x5555555555555555;
  bits = (bits | bits >> 1) & 0x3333333333333333;
  bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | bits >> 4) & 0x00ff00ff00ff00ff;
  bits = (bits | bits >> 8) & 0x0000ffff0000ffff;
  return static_cast<uint32_t>(bits | bits >> 16);
}

uint64_t number_of(Cell cell) {
  return spread(cell.row) | spread(cell.column) << 1;
}

uint32_t slice(double value, double limit, int step) {
  const double part = (value + limit) / (limit * 2);
  return static_cast<uint32_t>(part * static_cast<double>(uint64_t{1} << step));
}

double slice_begin(uint64_t slice, double limit, int step) {
  const double part = static_cast<double>(slice) * 1.0 / static_cast<double>(uint64_t{1} << step);
  return -limit + part * (limit * 2);
}

}  // namespace

bool can_be_kept(Place place) {
  return place.longitude >= -kMaxLongitude && place.longitude <= kMaxLongitude &&
         place.latitude >= -kMaxLatitude && place.latitude <= kMaxLatitude;
}

Cell cell_of(Place place, int step, double max_latitude) {
  return {.column = slice(place.longitude, kMaxLongitude, step),
          .row = slice(place.latitude, max_latitude, step),
          .step = step};
}

Area area_of(Cell cell) {
  const uint64_t column = cell.column;
  const uint64_t row = cell.row;
  return {.south_west = {.longitude = slice_begin(column, kMaxLongitude, cell.step),
                         .latitude = slice_begin(row, kMaxLatitude, cell.step)},
          .north_east = {.longitude = slice_begin(column + 1, kMaxLongitude, cell.step),
                         .latitude = slice_begin(row + 1, kMaxLatitude, cell.step)}};
}

Place center_of(Cell cell) {
  const Area area = area_of(cell);
  const double longitude = (area.south_west.longitude + area.north_east.longitude) / 2;
  const double latitude = (area.south_west.latitude + area.north_east.latitude) / 2;
  return {.longitude = std::clamp(longitude, -kMaxLongitude, kMaxLongitude),
          .latitude = std::clamp(latitude, -kMaxLatitude, kMaxLatitude)};
}

uint64_t score_of(Cell cell) {
  return number_of(cell) << (2 * (kMaxStep - cell.step));
}

Cell cell_of_score(double score) {
  // Any score may stand in a sorted set. What is no number of a cell is taken as the processor of
  // Redis converts it, so that both show the same place.
  constexpr double kTwo63 = 9223372036854775808.0;
  uint64_t number = 0;
  if (score >= kTwo63) {
    number = score < kTwo63 * 2 ? static_cast<uint64_t>(score) : 0;
  } else if (score >= -kTwo63) {
    number = static_cast<uint64_t>(static_cast<int64_t>(score));
  } else {
    number = uint64_t{1} << 63;
  }
  return {.column = gather(number >> 1), .row = gather(number), .step = kMaxStep};
}

Scores scores_of(Cell cell) {
  const int shift = 2 * (kMaxStep - cell.step);
  const uint64_t number = number_of(cell);
  return {.first = static_cast<double>(number << shift),
          .end = static_cast<double>((number + 1) << shift)};
}

double distance_of_latitudes_m(double a, double b) {
  return kEarthRadiusM * std::fabs(radians(b) - radians(a));
}

Center::Center(Place place)
    : place_(place),
      longitude_(radians(place.longitude)),
      latitude_(radians(place.latitude)),
      cosine_(std::cos(latitude_)) {}

double Center::distance_m(Place to) const {
  const double half_longitude = std::sin((radians(to.longitude) - longitude_) / 2);
  // On one meridian the arc is what the latitudes say.
  if (half_longitude == 0.0) return distance_of_latitudes_m(place_.latitude, to.latitude);
  const double latitude = radians(to.latitude);
  const double half_latitude = std::sin((latitude - latitude_) / 2);
  const double part = half_latitude * half_latitude +
                      cosine_ * std::cos(latitude) * half_longitude * half_longitude;
  return 2.0 * kEarthRadiusM * std::asin(std::sqrt(part));
}

double distance_on_parallel_m(double latitude, double from, double to) {
  const double half = std::sin((radians(to) - radians(from)) / 2);
  const double cosine = std::cos(radians(latitude));
  return 2.0 * kEarthRadiusM * std::asin(std::sqrt(cosine * cosine * half * half));
}

double distance_m(Place a, Place b) {
  return Center(a).distance_m(b);
}

std::array<char, 11> geohash_of(Place place) {
  constexpr std::string_view kLetters = "0123456789bcdefghjkmnpqrstuvwxyz";
  // That notation divides latitudes from pole to pole.
  const uint64_t number = number_of(cell_of(place, kMaxStep, 90));
  std::array<char, 11> text{};
  for (size_t i = 0; i < 10; ++i) text[i] = kLetters[number >> (47 - i * 5) & 31];
  text[10] = kLetters[0];
  return text;
}

}  // namespace redan::geo
