#include "server/command/sets/set_effects.h"

#include "server/command/key_effects.h"

namespace redan {

namespace {

// Out of line: adding to a set that is there needs neither its code nor its place on the stack.
[[gnu::noinline]] size_t make_set(Call& call, std::string_view key, Keyspace::Ref& ref,
                                  std::span<const std::string_view> members) {
  Keyspace& keyspace = call.keyspace();
  SetBuilder set(keyspace.limits());
  size_t added = set.add(members[0]) ? 1 : 0;
  set.expect(members.size());
  for (const std::string_view member : members.subspan(1)) added += set.add(member) ? 1U : 0U;
  ref = keyspace.create(call.db(), key, ref, set.take());
  return added;
}

}  // namespace

size_t add_members(Call& call, std::string_view key, Keyspace::Ref& ref,
                   std::span<const std::string_view> members) {
  const size_t added =
      ref ? SetEdit(call.keyspace(), ref).add(members) : make_set(call, key, ref, members);
  if (added == 0) return 0;
  call.keyspace().changed(call.db(), key, added);
  call.notify(KeyspaceEvents::kSet, "sadd", key);
  return added;
}

void members_left(Call& call, std::string_view key, Keyspace::Ref& ref, size_t count) {
  Keyspace& keyspace = call.keyspace();
  const bool empty = SetView(*ref).size() == 0;
  if (empty) keyspace.remove(call.db(), ref, free_by(call.config().lazyfree_lazy_server_del));
  keyspace.changed(call.db(), key, count);
  if (empty) call.notify(KeyspaceEvents::kGeneric, "del", key);
}

}  // namespace redan
