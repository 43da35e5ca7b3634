// What the files of the set commands share.
#pragma once

#include <span>
#include <string_view>

#include "common/resp/writer.h"
#include "server/command/call.h"
#include "server/values/set_value.h"

namespace redan {

inline void reply_member(ReplyWriter& reply, const SetView::Member& member) {
  member.is_integer ? reply.bulk_integer(member.integer) : reply.bulk(member.text);
}

// Adds to the set at a place that was just looked up, or makes one there, and tells it. How many
// are new.
size_t add_members(Call& call, std::string_view key, Keyspace::Ref& ref,
                   std::span<const std::string_view> members);

// `count` members of a set are gone: tells the keyspace, and takes out a key that has none left.
void members_left(Call& call, std::string_view key, Keyspace::Ref& ref, size_t count);

}  // namespace redan
