// HSCAN, SSCAN and ZSCAN: how each begins, and the parts of a scan that SCAN has in common with
// them.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/result.h"
#include "server/command/call.h"
#include "server/command/scan_options.h"

namespace redan {

struct ElementScan {
  const Entry& entry;
  uint64_t cursor;
  ScanOptions options;
};

// The key, the cursor and the options of a call, in the order in which Redis complains of them.
// `read` is how the family reads its key. Nothing where there is no such key: then the reply is
// written, and the options may be nonsense.
Result<std::optional<ElementScan>> begin_element_scan(Call& call, ScanOf of,
                                                      Result<const Entry*> (*read)(Call&));

// Calls step(cursor, seen), which counts the elements that it saw and returns the next cursor,
// until they are as many as the client asked for. Returns the cursor to go on with.
template <class Step>
uint64_t scan_enough(uint64_t cursor, const ScanOptions& options, Step&& step) {
  int64_t steps = options.most_steps();
  int64_t seen = 0;
  do {
    cursor = step(cursor, seen);
  } while (cursor != 0 && --steps > 0 && seen < options.count);
  return cursor;
}

// The reply's beginning; the array of what was found follows.
void reply_cursor(ReplyWriter& reply, uint64_t cursor);

}  // namespace redan
