// The fingerprint of a hash: each field with its value, in any order.
#include "server/command/keys/digest.h"
#include "server/values/hash_value.h"

namespace redan {

void add_hash(Digest& digest, const Entry& entry) {
  const HashView hash(entry);
  const auto add = [&](const HashView::Text& name, const HashView::Text& value, int64_t expiry_ms) {
    Digest field{};
    Listpack::Scratch scratch;
    add_ordered(field, name.view(scratch));
    add_ordered(field, value.view(scratch));
    if (expiry_ms != HashField::kStays) add_unordered(field, "!!hexpire!!");  // As Redis 7.4.
    add_unordered(digest, bytes_of(field));
  };
  hash.for_each_with_expiry(add);
}

}  // namespace redan
