// What handlers of collections have in common: finding a key that must hold one type.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "server/command/call.h"
#include "server/command/key_effects.h"
#include "server/data/listpack.h"
#include "server/keyspace/keyspace.h"

namespace redan {

// For reading; nullptr where there is no such key.
inline Result<const Entry*> read_value(Call& call, std::string_view key, ValueType type) {
  const Entry* entry = call.keyspace().read(call.db(), key);
  if (entry != nullptr && entry->type() != type) return wrong_type();
  return entry;
}

// For a command that will change it, or make it.
inline Result<Keyspace::Ref> change_value(Call& call, std::string_view key, ValueType type) {
  const Keyspace::Ref ref = call.keyspace().change(call.db(), key);
  if (ref && ref->type() != type) return wrong_type();
  return ref;
}

// For a command that looks for the key as a reader does (hits and misses count) and then changes
// it.
inline Result<Keyspace::Ref> change_value_read(Call& call, std::string_view key, ValueType type) {
  const Result<const Entry*> entry = read_value(call, key, type);
  if (!entry) return entry.error();
  return call.keyspace().change(call.db(), key);
}

// A negative COUNT draws again and again from what is there. Beyond this many the reply could not
// be kept in memory; whoever asks for it is told so, instead of the node being killed on the way.
inline Result<void> can_draw(int64_t count) {
  constexpr int64_t kMostRepeated = int64_t{1} << 32;
  if (count < -kMostRepeated) return Error("value is out of range");
  return kOk;
}

// An element as a bulk string.
inline void reply_element(ReplyWriter& reply, const Listpack::Element& element) {
  element.is_integer ? reply.bulk_integer(element.integer) : reply.bulk(element.text);
}

}  // namespace redan
