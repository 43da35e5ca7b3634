// The fingerprint of a hash: each field with its value, in any order.
#include "server/command/digest.h"
#include "server/values/hash_value.h"

namespace redan {

void add_hash(Digest& digest, const Entry& entry) {
  HashView(entry).for_each([&](const HashView::Text& name, const HashView::Text& value) {
    Digest field{};
    Listpack::Scratch scratch;
    add_ordered(field, name.view(scratch));
    add_ordered(field, value.view(scratch));
    add_unordered(digest, bytes_of(field));
  });
}

}  // namespace redan
