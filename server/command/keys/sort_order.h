// The order in which SORT answers: by number or by text, each way, and of all only the part that
// LIMIT leaves.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/collation.h"
#include "server/command/keys/sort_request.h"

namespace redan {

struct SortElement {
  std::string text;
  double number = 0;  // without ALPHA; never NaN
  // With ALPHA and BY: what is compared in place of the text; nothing where the pattern's key is
  // missing.
  std::optional<std::string> weight;
};

// The elements of the window, in their order; those that compare equal stay as they stood. What
// lies outside is never sorted. Text is in the order of the collation, but what is stored in that
// of its bytes: a list should be the same wherever it is made.
std::vector<SortElement> sorted_window(std::vector<SortElement> elements,
                                       const SortRequest& request, const Collation& collation);

}  // namespace redan
