// Looks at the value that a DUMP stands for, outside of any keyspace.
#pragma once

#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "server/keyspace/entry.h"
#include "server/persistence/dump_payload.h"

namespace redan::fuzz {

// The payload is one that RESTORE takes. `look` gets an entry and answers what it saw.
template <class Look>
auto look_at_payload(std::string_view payload, int64_t expiry_ms, Look&& look) {
  Result<StoredValue> value = read_dump_payload(payload, EncodingLimits());
  REDAN_CHECK(value.ok());
  Entry* const entry = EntryMaker::make_value("k", value.take(), expiry_ms);
  auto seen = look(static_cast<const Entry&>(*entry));
  EntryMaker::free(entry);
  return seen;
}

}  // namespace redan::fuzz
