// The digest of a set: its members in any order.
#include "server/command/keys/digest.h"
#include "server/values/set_value.h"

namespace redan {

void add_set(Digest& digest, const Entry& entry) {
  SetView(entry).for_each([&](const SetView::Member& member) {
    Listpack::Scratch scratch;
    add_unordered(digest, member.view(scratch));
  });
}

}  // namespace redan
