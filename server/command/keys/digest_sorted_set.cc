// The fingerprint of a sorted set: each member with its score, in any order.
#include "common/base/double_text.h"
#include "server/command/keys/digest.h"
#include "server/values/sorted_set_value.h"

namespace redan {

void add_sorted_set(Digest& digest, const Entry& entry) {
  SortedSetView(entry).for_each([&](const SortedSetMember& member) {
    Digest pair{};
    Listpack::Scratch scratch;
    add_ordered(pair, member.name(scratch));
    char text[kPrintedDoubleBytes];
    const char* const end = print_double_17(text, member.score());
    add_ordered(pair, {text, static_cast<size_t>(end - text)});
    add_unordered(digest, bytes_of(pair));
  });
}

}  // namespace redan
