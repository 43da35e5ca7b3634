#include "server/data/geo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/base/rng.h"
#include "server/data/geo_cells.h"

namespace redan::geo {
namespace {

Place random_place(Rng& rng) {
  return {.longitude = (rng.unit() * 2 - 1) * kMaxLongitude,
          .latitude = (rng.unit() * 2 - 1) * kMaxLatitude};
}

TEST(Geo, KnownPlaces) {
  // As Redis' documentation and server have them.
  const Place palermo{.longitude = 13.361389, .latitude = 38.115556};
  const Place catania{.longitude = 15.087269, .latitude = 37.502669};
  EXPECT_EQ(score_of(cell_of(palermo)), 3479099956230698U);
  EXPECT_EQ(score_of(cell_of(catania)), 3479447370796909U);
  const Place kept = place_of_score(3479099956230698.0);
  const auto hash = geohash_of(kept);
  EXPECT_EQ(std::string_view(hash.data(), hash.size()), "sqc8b49rny0");
  EXPECT_NEAR(distance_m(kept, place_of_score(3479447370796909.0)), 166274.1516, 0.00005);
}

TEST(Geo, APlaceComesBackAsTheMiddleOfItsCell) {
  Rng rng(31);
  for (int i = 0; i < 20'000; ++i) {
    const Place place = random_place(rng);
    const Cell cell = cell_of(place);
    const Area area = area_of(cell);
    EXPECT_LE(area.south_west.longitude, place.longitude);
    EXPECT_GE(area.north_east.longitude, place.longitude);
    const auto score = static_cast<double>(score_of(cell));
    EXPECT_EQ(cell_of_score(score), cell);
    EXPECT_LT(distance_m(place, place_of_score(score)), 0.6);
  }
}

TEST(Geo, CornersOfTheMap) {
  EXPECT_TRUE(can_be_kept({.longitude = -180, .latitude = -85.05112878}));
  EXPECT_FALSE(can_be_kept({.longitude = 180.0001, .latitude = 0}));
  EXPECT_FALSE(can_be_kept({.longitude = 0, .latitude = 85.0511288}));
  EXPECT_FALSE(can_be_kept({.longitude = NAN, .latitude = 0}));
  // Scores that no place has are places all the same.
  constexpr double kScores[] = {-1.0, 1e300, -1e300, INFINITY, -INFINITY, 0.5};
  for (const double score : kScores) {
    const Place place = place_of_score(score);
    EXPECT_LE(std::fabs(place.longitude), 180) << score;
  }
}

// Whatever the shape: a place inside of it lies in one of the cells that are looked through.
TEST(Geo, NoPlaceInsideIsMissed) {
  Rng rng(32);
  int inside = 0;
  for (int i = 0; i < 100'000; ++i) {
    Shape shape;
    shape.center = random_place(rng);
    // Near the poles and the edges the map of Redis misses some; that is compared with it
    // elsewhere.
    shape.center.latitude *= 0.6;
    shape.center.longitude *= 0.6;
    const double size_m = std::pow(10, rng.unit() * 6);
    if (rng.below(2) == 0) {
      shape.radius = size_m;
    } else {
      shape.kind = Shape::Kind::kBox;
      shape.width = size_m;
      shape.height = size_m * (0.2 + rng.unit());
    }
    const double degrees = size_m / 111'000;
    const Place place{.longitude = shape.center.longitude + (rng.unit() * 2 - 1) * degrees,
                      .latitude = shape.center.latitude + (rng.unit() * 2 - 1) * degrees};
    if (!ShapeRuler(shape).distance_inside_m(place)) continue;
    ++inside;
    const auto score = static_cast<double>(score_of(cell_of(place)));
    const Cells cells(shape);
    const bool found = std::any_of(cells.cells().begin(), cells.cells().end(), [&](Cell cell) {
      const Scores scores = scores_of(cell);
      return score >= scores.first && score < scores.end;
    });
    EXPECT_TRUE(found) << shape.center.longitude << ' ' << shape.center.latitude << ' ' << size_m;
  }
  EXPECT_GT(inside, 10'000);
}

TEST(Geo, ADistanceOnAParallelIsTheDistanceOfTheTwoPlaces) {
  Rng rng(1);
  for (int i = 0; i < 10000; ++i) {
    const Place a = random_place(rng);
    const Place b{.longitude = random_place(rng).longitude, .latitude = a.latitude};
    EXPECT_EQ(distance_on_parallel_m(a.latitude, a.longitude, b.longitude), distance_m(a, b));
    EXPECT_EQ(Center(a).distance_m(b), distance_m(a, b));
  }
}

}  // namespace
}  // namespace redan::geo
