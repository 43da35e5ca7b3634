#include "server/command/element_scan.h"

#include <string>

namespace redan {

Result<std::optional<ElementScan>> begin_element_scan(Call& call, ScanOf of,
                                                      Result<const Entry*> (*read)(Call&)) {
  const Result<uint64_t> cursor = scan_cursor(call.arg(2));
  if (!cursor) return cursor.error();
  const Result<const Entry*> entry = read(call);
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    reply_cursor(call.reply(), 0);
    call.reply().array(0);
    return std::optional<ElementScan>();
  }
  const Result<ScanOptions> options = read_scan_options(ArgReader(call.args(), 3), of);
  if (!options) return options.error();
  return std::optional(ElementScan{**entry, *cursor, *options});
}

void reply_cursor(ReplyWriter& reply, uint64_t cursor) {
  reply.array(2);
  reply.bulk(std::to_string(cursor));
}

}  // namespace redan
