// What handlers of strings have in common.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "common/resp/writer.h"
#include "server/command/call.h"
#include "server/command/key_effects.h"
#include "server/keyspace/keyspace.h"

namespace redan {

inline void reply_value(ReplyWriter& reply, const Entry& entry) {
  Entry::Scratch scratch;
  reply.bulk(entry.string(scratch));
}

// The string at a key for reading; nullptr where there is none.
inline Result<const Entry*> read_string(Call& call, std::string_view key) {
  const Entry* entry = call.keyspace().read(call.db(), key);
  if (entry != nullptr && !entry->is_string()) return wrong_type();
  return entry;
}

// The same for a command that will write it.
inline Result<Keyspace::Ref> change_string(Call& call, std::string_view key) {
  const Keyspace::Ref ref = call.keyspace().change(call.db(), key);
  if (ref && !ref->is_string()) return wrong_type();
  return ref;
}

// A string may not outgrow what a client could send or read (proto-max-bulk-len).
inline Result<void> check_string_size(Call& call, uint64_t size, uint64_t added) {
  const auto limit = static_cast<uint64_t>(call.config().proto_max_bulk_len);
  if (size > limit || added > limit - size) {
    return Error("string exceeds maximum allowed size (proto-max-bulk-len)");
  }
  return kOk;
}

}  // namespace redan
