// The order in which SORT answers: by number or by text, each way, and of all only the part that
// LIMIT leaves.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/command/keys/sort_request.h"

namespace redan {

struct SortElement {
  std::string text;
  double number = 0;                  // without ALPHA; never NaN
  std::optional<std::string> weight;  // ALPHA with BY; nothing where the pattern's key is missing
};

// The elements of the window, in their order; those that compare equal stay as they stood. What
// lies outside is never sorted.
std::vector<SortElement> sorted_window(std::vector<SortElement> elements,
                                       const SortRequest& request);

}  // namespace redan
