// Which cells must be looked through for the places inside a circle or a box: the cell of its
// center in a grid that is coarse enough, and those around it as far as they touch the shape.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "server/data/geo.h"

namespace redan::geo {

struct Shape {
  enum class Kind { kCircle, kBox };
  Kind kind = Kind::kCircle;
  Place center;
  // In `metres_per_unit`: a radius, or width and height.
  double radius = 0;
  double width = 0;
  double height = 0;
  double metres_per_unit = 1;
};

// Measures many places against one shape.
class ShapeRuler {
 public:
  explicit ShapeRuler(const Shape& shape);
  // From the center to a place in the shape, in metres; nullopt: it lies outside.
  std::optional<double> distance_inside_m(Place place) const;

 private:
  Center center_;
  bool is_circle_;
  double half_width_m_;  // of a circle its radius, as the next
  double half_height_m_;
};

// At most nine, in the order in which Redis looks through them: results that nobody sorts come in
// it, and COUNT ... ANY takes the first of them.
class Cells {
 public:
  explicit Cells(const Shape& shape);
  std::span<const Cell> cells() const { return {cells_.data(), count_}; }

 private:
  std::array<Cell, 9> cells_;
  size_t count_ = 0;
};

}  // namespace redan::geo
