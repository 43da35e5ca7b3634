#include "server/command/keys/sort_request.h"

#include <algorithm>
#include <string>

namespace redan {

SortPattern::SortPattern(std::string_view text) : is_element_(text == "#") {
  const size_t star = text.find('*');
  has_star_ = star != std::string_view::npos;
  if (!has_star_) return;
  before_ = text.substr(0, star);
  behind_ = text.substr(star + 1);
  const size_t arrow = behind_.find("->");
  if (arrow == std::string_view::npos || arrow + 2 == behind_.size()) return;
  field_ = behind_.substr(arrow + 2);
  behind_ = behind_.substr(0, arrow);
}

std::string SortPattern::key_for(std::string_view element) const {
  std::string key;
  key.reserve(before_.size() + element.size() + behind_.size());
  return key.append(before_).append(element).append(behind_);
}

Result<SortRequest> read_sort(ArgReader words, const SortLimits& limits) {
  SortRequest request;
  while (words.more()) {
    if (words.match("ASC")) {
      request.descending = false;
    } else if (words.match("DESC")) {
      request.descending = true;
    } else if (words.match("ALPHA")) {
      request.alpha = true;
    } else if (words.match_with("LIMIT", 2)) {
      const Result<int64_t> offset = words.integer();
      if (!offset) return offset.error();
      const Result<int64_t> count = words.integer();
      if (!count) return count.error();
      request.offset = *offset;
      request.count = *count;
    } else if (words.match_with("BY", 1)) {
      request.by = SortPattern(words.next());
      if (limits.in_cluster && request.by->names_keys()) {
        return Error("BY option of SORT denied in cluster mode.");
      }
      if (!limits.reads_every_key && request.by->names_keys()) {
        return Error("BY option of SORT denied due to insufficient ACL permissions.");
      }
    } else if (words.match_with("GET", 1)) {
      request.gets.emplace_back(words.next());
      if (limits.in_cluster) return Error("GET option of SORT denied in cluster mode.");
      if (!limits.reads_every_key) {
        return Error("GET option of SORT denied due to insufficient ACL permissions.");
      }
    } else if (limits.may_store && words.match_with("STORE", 1)) {
      request.target = words.next();
    } else {
      return syntax_error();
    }
  }
  return request;
}

SortWindow window_of(const SortRequest& request, size_t size) {
  const auto elements = static_cast<int64_t>(size);
  const int64_t first = std::clamp<int64_t>(request.offset, 0, elements);
  const int64_t left = elements - first;
  const int64_t count = request.count < 0 ? left : std::min(request.count, left);
  return {static_cast<size_t>(first), static_cast<size_t>(first + count)};
}

}  // namespace redan
