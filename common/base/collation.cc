#include "common/base/collation.h"

#include <langinfo.h>

#include <cstring>
#include <string_view>

namespace redan {
namespace {

// These have no order but that of their bytes, which comparing without a key is quicker for.
bool is_bytes(std::string_view name) {
  return name == "C" || name == "POSIX" || name.starts_with("C.");
}

}  // namespace

std::optional<Collation> Collation::of_locale(const std::string& name) {
  Collation collation;
  if (name.find('\0') != std::string::npos) return std::nullopt;
  collation.locale_.reset(newlocale(LC_COLLATE_MASK, name.c_str(), nullptr));
  if (collation.locale_ == nullptr) return std::nullopt;
  // The environment's by its own name.
  if (redan::is_bytes(nl_langinfo_l(NL_LOCALE_NAME(LC_COLLATE), collation.locale_.get()))) {
    collation.locale_.reset();
  }
  return collation;
}

std::string Collation::key(const std::string& text) const {
  if (is_bytes()) return text;
  std::string key;
  // From one zero byte to the next. A key has none of its own.
  for (const char* part = text.c_str(); part <= text.data() + text.size();
       part += std::strlen(part) + 1) {
    if (part != text.data()) key.push_back('\0');
    const size_t start = key.size();
    // Mostly enough at once; where it is not, the first call tells what is.
    size_t room = 4 * std::strlen(part) + 16;
    for (bool written = false; !written;) {
      key.resize(start + room);
      const size_t size = strxfrm_l(key.data() + start, part, room, locale_.get());
      written = size < room;
      room = size + 1;
    }
    key.resize(start + room - 1);
  }
  return key;
}

}  // namespace redan
