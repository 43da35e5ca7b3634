#include "server/command/strings/lcs.h"

#include <algorithm>

namespace redan {

LcsResult longest_common_subsequence(std::string_view a, std::string_view b) {
  // best[i][j]: the length for the first i bytes of a and the first j of b.
  const size_t width = b.size() + 1;
  std::vector<uint32_t> best((a.size() + 1) * width);
  for (size_t i = 1; i <= a.size(); ++i) {
    const uint32_t* above = best.data() + (i - 1) * width;
    uint32_t* row = best.data() + i * width;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = a[i - 1] == b[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
    }
  }

  LcsResult result;
  size_t i = a.size();
  size_t j = b.size();
  result.common.resize(best[i * width + j]);
  size_t to_write = result.common.size();
  // Walks back along the equal bytes; a run grows at its front while both sides stay adjacent.
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      --i;
      --j;
      result.common[--to_write] = a[i];
      LcsMatch* run = result.matches.empty() ? nullptr : &result.matches.back();
      if (run != nullptr && run->a_first == i + 1 && run->b_first == j + 1) {
        run->a_first = i;
        run->b_first = j;
      } else {
        result.matches.push_back({.a_first = i, .a_last = i, .b_first = j, .b_last = j});
      }
    } else if (best[(i - 1) * width + j] > best[i * width + j - 1]) {
      --i;
    } else {
      --j;  // Where both are as good, as Redis does.
    }
  }
  return result;
}

}  // namespace redan
