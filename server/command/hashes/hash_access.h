// How handlers come to a hash: fields whose time has come go first.
#pragma once

#include "server/command/collections.h"
#include "server/values/hash_value.h"

namespace redan {

// For reading; nullptr where there is no such key.
inline Result<const Entry*> read_hash(Call& call) {
  const std::string_view key = call.arg(1);
  Result<const Entry*> entry = read_value(call, key, ValueType::kHash);
  if (!entry || *entry == nullptr || !call.keyspace().has_due_fields(**entry)) [[likely]] {
    return entry;
  }
  call.keyspace().expire_fields(call.db(), key);
  return call.keyspace().peek(call.db(), key);
}

// For a command that will change it, or make it.
inline Result<Keyspace::Ref> change_hash(Call& call) {
  const std::string_view key = call.arg(1);
  Result<Keyspace::Ref> ref = change_value(call, key, ValueType::kHash);
  if (!ref || !*ref || !call.keyspace().has_due_fields(**ref)) [[likely]] {
    return ref;
  }
  call.keyspace().expire_fields(call.db(), key);
  return call.keyspace().change(call.db(), key);
}

inline HashView view_of(Call& call, const Entry& entry) {
  return HashView(entry, call.keyspace().field_horizon_ms());
}

inline HashEdit edit_hash(Call& call, Keyspace::Ref ref) {
  return HashEdit(call.keyspace(), call.db(), call.arg(1), ref);
}

inline void reply_field(ReplyWriter& reply, const std::optional<HashView::Text>& value) {
  value ? reply_element(reply, *value) : reply.null();
}

}  // namespace redan
