// Places on earth, as geo sets keep them: a place is a cell of a grid of 2^26 by 2^26, whose number
// interleaves the bits of both coordinates, longitude first. It is a score of a sorted set, so that
// a range of scores is an area.
//
// Source: https://redis.io/docs/latest/commands/geoadd (limits),
// https://en.wikipedia.org/wiki/Geohash.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace redan::geo {

// Degrees.
struct Place {
  double longitude = 0;
  double latitude = 0;
};
constexpr double kMaxLongitude = 180;
constexpr double kMaxLatitude = 85.05112878;  // of the Mercator map that is a square
bool can_be_kept(Place place);
constexpr double kEarthRadiusM = 6372797.560856;  // the one that Redis computes with
constexpr double kRadian = 3.14159265358979323846 / 180;

// A cell of the grid of 2^step by 2^step, by its column (west to east) and row (south to north).
struct Cell {
  uint32_t column = 0;
  uint32_t row = 0;
  int step = 0;
  friend bool operator==(const Cell&, const Cell&) = default;
};
constexpr int kMaxStep = 26;

Cell cell_of(Place place, int step = kMaxStep, double max_latitude = kMaxLatitude);
struct Area {
  Place south_west;
  Place north_east;
};
Area area_of(Cell cell);
Place center_of(Cell cell);

// The number of the cell, as the score of a member that lies in it.
uint64_t score_of(Cell cell);
Cell cell_of_score(double score);
inline Place place_of_score(double score) {
  return center_of(cell_of_score(score));
}
// The scores of a cell of any step: from `first` on, up to `end`, which is not among them.
struct Scores {
  double first;
  double end;
};
Scores scores_of(Cell cell);

// In metres, on a sphere (haversine).
double distance_m(Place a, Place b);
// Between two longitudes; as distance_m(), to the last bit.
double distance_on_parallel_m(double latitude, double from, double to);
// distance_m() from one place to many.
class Center {
 public:
  explicit Center(Place place);
  const Place& place() const { return place_; }
  double distance_m(Place to) const;

 private:
  Place place_;
  double longitude_;  // in radians, as the next
  double latitude_;
  double cosine_;  // of the latitude
};
double distance_of_latitudes_m(double a, double b);

// Eleven letters of the usual notation; they have 55 bits of which we know 52.
std::array<char, 11> geohash_of(Place place);

}  // namespace redan::geo
