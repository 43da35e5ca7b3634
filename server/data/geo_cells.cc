#include "server/data/geo_cells.h"

#include <algorithm>
#include <cmath>

namespace redan::geo {
namespace {

constexpr double kMercatorMaxM = 20037726.37;  // half the map

// Width and height of the shape, each from the center to the edge.
struct Halves {
  double width_m;
  double height_m;
};

Halves halves_of(const Shape& shape) {
  const bool circle = shape.kind == Shape::Kind::kCircle;
  return {.width_m = shape.metres_per_unit * (circle ? shape.radius : shape.width / 2),
          .height_m = shape.metres_per_unit * (circle ? shape.radius : shape.height / 2)};
}

// The meridians and parallels that the shape lies between: those where it is widest, which is
// towards the pole.
Area bounds_of(const Shape& shape) {
  const Halves halves = halves_of(shape);
  const double latitude = shape.center.latitude;
  const double up = halves.height_m / kEarthRadiusM / kRadian;
  const double widest = latitude < 0 ? latitude - up : latitude + up;
  const double aside = halves.width_m / kEarthRadiusM / std::cos(widest * kRadian) / kRadian;
  return {.south_west = {.longitude = shape.center.longitude - aside, .latitude = latitude - up},
          .north_east = {.longitude = shape.center.longitude + aside, .latitude = latitude + up}};
}

// The finest grid in which three cells beside each other are as wide as the circle.
int step_for(double radius_m, double latitude) {
  if (radius_m == 0) return kMaxStep;
  int step = 1;
  for (; radius_m < kMercatorMaxM; radius_m *= 2) ++step;
  step -= 2;
  // Towards the poles cells are narrower.
  if (std::fabs(latitude) > 66) --step;
  if (std::fabs(latitude) > 80) --step;
  return std::clamp(step, 1, kMaxStep);
}

// A neighbour; behind the edge of the map comes its other side. A place on the very edge, at 180
// degrees or the greatest latitude, lies in a cell behind it: only a step leads back.
Cell beside(Cell cell, int columns, int rows) {
  const uint32_t mask = static_cast<uint32_t>((uint64_t{1} << cell.step) - 1);
  const auto moved = [mask](uint32_t from, int by) {
    return by == 0 ? from : (from + static_cast<uint32_t>(by)) & mask;
  };
  return {.column = moved(cell.column, columns), .row = moved(cell.row, rows), .step = cell.step};
}

// Whether one of the four cells around ends before the shape does.
bool is_too_fine(Cell center, const Area& bounds) {
  return area_of(beside(center, 0, 1)).north_east.latitude < bounds.north_east.latitude ||
         area_of(beside(center, 0, -1)).south_west.latitude > bounds.south_west.latitude ||
         area_of(beside(center, 1, 0)).north_east.longitude < bounds.north_east.longitude ||
         area_of(beside(center, -1, 0)).south_west.longitude > bounds.south_west.longitude;
}

}  // namespace

ShapeRuler::ShapeRuler(const Shape& shape)
    : center_(shape.center),
      is_circle_(shape.kind == Shape::Kind::kCircle),
      half_width_m_((is_circle_ ? shape.radius : shape.width) * shape.metres_per_unit),
      half_height_m_((is_circle_ ? shape.radius : shape.height) * shape.metres_per_unit) {
  if (is_circle_) return;
  half_width_m_ /= 2;
  half_height_m_ /= 2;
}

std::optional<double> ShapeRuler::distance_inside_m(Place place) const {
  const double up = distance_of_latitudes_m(place.latitude, center_.place().latitude);
  if (is_circle_) {
    // No place is nearer than its latitude, whose distance takes no sines; what is close to the rim
    // is left to the exact figure.
    constexpr double kClearly = 1 + 1e-9;
    if (up > half_height_m_ * kClearly) return std::nullopt;
    const double distance = center_.distance_m(place);
    if (distance > half_width_m_) return std::nullopt;
    return distance;
  }
  if (up > half_height_m_) return std::nullopt;
  // The width counts on the parallel of the place.
  const double aside =
      distance_on_parallel_m(place.latitude, place.longitude, center_.place().longitude);
  if (aside > half_width_m_) return std::nullopt;
  return center_.distance_m(place);
}

Cells::Cells(const Shape& shape) {
  const Area bounds = bounds_of(shape);
  const bool circle = shape.kind == Shape::Kind::kCircle;
  const double radius = circle ? shape.radius
                               : std::sqrt((shape.width / 2) * (shape.width / 2) +
                                           (shape.height / 2) * (shape.height / 2));
  int step = step_for(radius * shape.metres_per_unit, shape.center.latitude);
  Cell center = cell_of(shape.center, step);
  if (step > 1 && is_too_fine(center, bounds)) center = cell_of(shape.center, --step);

  // Neighbours that the shape does not reach are left out; in the coarsest grid all cells are
  // neighbours on every side.
  const Area area = area_of(center);
  const bool may_leave_out = step >= 2;
  const bool south = !may_leave_out || area.south_west.latitude >= bounds.south_west.latitude;
  const bool north = !may_leave_out || area.north_east.latitude <= bounds.north_east.latitude;
  const bool west = !may_leave_out || area.south_west.longitude >= bounds.south_west.longitude;
  const bool east = !may_leave_out || area.north_east.longitude <= bounds.north_east.longitude;
  const auto add = [&](bool wanted, int columns, int rows) {
    const Cell cell = beside(center, columns, rows);
    if (!wanted) return;
    // Where the grid is coarse neighbours may be one cell.
    if (count_ > 1 && cells_[count_ - 1] == cell) return;
    cells_[count_++] = cell;
  };
  add(true, 0, 0);
  add(north, 0, 1);
  add(south, 0, -1);
  add(east, 1, 0);
  add(west, -1, 0);
  add(north && east, 1, 1);
  add(north && west, -1, 1);
  add(south && east, 1, -1);
  add(south && west, -1, -1);
}

}  // namespace redan::geo
