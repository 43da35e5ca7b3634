// The digest of a list: its elements in their order.
#include "server/command/keys/digest.h"
#include "server/values/list_value.h"

namespace redan {

void add_list(Digest& digest, const Entry& entry) {
  const ListView list(entry);
  list.for_each(0, list.size(), ListEnd::kTail, [&](const ListView::Element& element) {
    Listpack::Scratch scratch;
    add_ordered(digest, element.view(scratch));
    return true;
  });
}

}  // namespace redan
