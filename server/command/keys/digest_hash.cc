// The fingerprint of a hash: each field with its value, in any order.
#include "server/command/keys/digest.h"
#include "server/values/hash_value.h"

namespace redan {

void add_hash(Digest& digest, const Entry& entry) {
  const HashView hash(entry);
  const bool some_expire = entry.has_expiring_fields();
  hash.for_each([&](const HashView::Text& name, const HashView::Text& value) {
    Digest field{};
    Listpack::Scratch scratch;
    add_ordered(field, name.view(scratch));
    add_ordered(field, value.view(scratch));
    if (some_expire && hash.expiry_ms(name.text) != HashField::kStays) {
      add_unordered(field, "!!hexpire!!");  // As Redis 7.4 has it.
    }
    add_unordered(digest, bytes_of(field));
  });
}

}  // namespace redan
