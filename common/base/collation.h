// The order of texts in a locale (LC_COLLATE), as a value that is handed down: nothing depends on
// the locale of the process, which is for all its parts at once.
//
// A text is turned into a key, once; the keys' bytes are in the order that strcoll has for the
// texts. Behind a zero byte, where strcoll ends, the order goes on: it counts less than any other.
#pragma once

#include <locale.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>

namespace redan {

class Collation {
 public:
  // Byte by byte.
  Collation() = default;
  // Of this name; of none: what the environment says (LC_ALL, LC_COLLATE, LANG). nullopt: this host
  // has no such locale.
  static std::optional<Collation> of_locale(const std::string& name);

  // Texts are their own keys.
  bool is_bytes() const { return locale_ == nullptr; }
  std::string key(const std::string& text) const;

 private:
  struct Free {
    void operator()(locale_t locale) const { freelocale(locale); }
  };
  // None: bytes.
  std::unique_ptr<std::remove_pointer_t<locale_t>, Free> locale_;
};

}  // namespace redan
