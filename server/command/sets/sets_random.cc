// The set commands whose outcome is chance: SPOP and SRANDMEMBER. What SPOP took out reaches
// replicas as SREM, or as the deletion of the key.
#include <limits>
#include <string>
#include <vector>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/sets/set_effects.h"
#include "server/values/set_value.h"

namespace redan {
namespace {

// Gathers the members that go, for SREM commands of bounded length.
class RemovalNotice {
 public:
  RemovalNotice(Call& call, std::string_view key) : call_(call), key_(key) {}

  void add(std::string_view member) {
    bytes_ += member;
    ends_.push_back(bytes_.size());
    if (ends_.size() == kMostMembers) send();
  }
  void send() {
    if (ends_.empty()) return;
    words_.assign({"SREM", key_});
    size_t start = 0;
    for (const size_t end : ends_) {
      words_.push_back(std::string_view(bytes_).substr(start, end - start));
      start = end;
    }
    call_.propagate_as(words_);
    bytes_.clear();
    ends_.clear();
  }

 private:
  static constexpr size_t kMostMembers = 1024;

  Call& call_;
  std::string_view key_;
  std::string bytes_;
  std::vector<size_t> ends_;
  std::vector<std::string_view> words_;
};

Result<void> pop_one(Call& call) {
  const std::string_view key = call.arg(1);
  Result<Keyspace::Ref> ref = change_value(call, key, ValueType::kSet);
  if (!ref) return ref.error();
  if (!*ref) {
    call.reply().null();
    return kOk;
  }
  SetEdit(call.keyspace(), *ref).pop(1, call.server().rng, [&](const SetView::Member& member) {
    reply_member(call.reply(), member);
    Listpack::Scratch scratch;
    call.propagate_as({"SREM", key, member.view(scratch)});
  });
  call.notify(KeyspaceEvents::kSet, "spop", key);
  members_left(call, key, *ref, 1);
  return kOk;
}

// All of them: the key goes as a whole.
void pop_all(Call& call, std::string_view key, Keyspace::Ref& ref) {
  const SetView set(*ref);
  const size_t count = set.size();
  call.reply().set(count);
  set.for_each([&](const SetView::Member& member) { reply_member(call.reply(), member); });
  const bool lazily = call.config().lazyfree_lazy_server_del;
  call.keyspace().remove(call.db(), ref, free_by(lazily));
  call.keyspace().changed(call.db(), key, count);
  call.notify(KeyspaceEvents::kSet, "spop", key);
  call.notify(KeyspaceEvents::kGeneric, "del", key);
  call.propagate_as({lazily ? "UNLINK" : "DEL", key});
}

// Nearly all of a large set: the few that stay are drawn, and become the set. Drawing the others,
// one by one, from a table that empties takes longer the emptier it is.
void pop_all_but(Call& call, std::string_view key, Keyspace::Ref& ref, uint64_t left) {
  SetBuilder stays(call.keyspace().limits());
  SetEdit(call.keyspace(), ref).pop(left, call.server().rng, [&](const SetView::Member& member) {
    stays.add(member);
  });
  const SetView goes(*ref);
  const size_t count = goes.size();
  call.reply().set(count);
  RemovalNotice notice(call, key);
  goes.for_each([&](const SetView::Member& member) {
    reply_member(call.reply(), member);
    Listpack::Scratch scratch;
    notice.add(member.view(scratch));
  });
  notice.send();
  call.keyspace().set_value(call.db(), key, stays.take(), SetExpiry::keep());
  call.keyspace().add_dirty(count - 1);
  call.notify(KeyspaceEvents::kSet, "spop", key);
}

Result<void> spop(Call& call) {
  if (call.arg_count() == 2) return pop_one(call);
  if (call.arg_count() > 3) return syntax_error();
  const Result<int64_t> wanted = integer_arg(call.arg(2), 0, std::numeric_limits<int64_t>::max());
  if (!wanted) return wanted.error();
  const std::string_view key = call.arg(1);
  Result<Keyspace::Ref> ref = change_value(call, key, ValueType::kSet);
  if (!ref) return ref.error();
  if (!*ref || *wanted == 0) {
    call.reply().set(0);
    return kOk;
  }
  SetEdit set(call.keyspace(), *ref);
  const auto count = static_cast<uint64_t>(*wanted);
  if (count >= set.size()) {
    pop_all(call, key, *ref);
    return kOk;
  }
  constexpr uint64_t kNearlyAll = 5;  // times what is left, as in Redis
  if (const uint64_t left = set.size() - count; (*ref)->is_large() && count >= left * kNearlyAll) {
    pop_all_but(call, key, *ref, left);
    return kOk;
  }
  call.reply().set(count);
  RemovalNotice notice(call, key);
  set.pop(count, call.server().rng, [&](const SetView::Member& member) {
    reply_member(call.reply(), member);
    Listpack::Scratch scratch;
    notice.add(member.view(scratch));
  });
  notice.send();
  call.notify(KeyspaceEvents::kSet, "spop", key);
  members_left(call, key, *ref, count);
  return kOk;
}

Result<void> srandmember_count(Call& call) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const Result<int64_t> wanted = integer_arg(call.arg(2), -kMost, kMost);
  if (!wanted) return wanted.error();
  const Result<const Entry*> entry = read_value(call, call.arg(1), ValueType::kSet);
  if (!entry) return entry.error();
  ReplyWriter& reply = call.reply();
  if (*entry == nullptr || *wanted == 0) {
    reply.array(0);
    return kOk;
  }
  const SetView set(**entry);
  const auto write = [&](const SetView::Member& member) { reply_member(reply, member); };
  if (const Result<void> fits = can_draw(*wanted); !fits) return fits;
  if (*wanted < 0) {
    const auto count = static_cast<uint64_t>(-*wanted);
    reply.array(count);
    for (uint64_t i = 0; i < count; ++i) write(set.random(call.server().rng));
    return kOk;
  }
  const auto count = static_cast<uint64_t>(*wanted);
  if (count >= set.size()) {
    reply.array(set.size());
    set.for_each(write);
    return kOk;
  }
  reply.array(count);
  set.sample(count, call.server().rng, write);
  return kOk;
}

Result<void> srandmember(Call& call) {
  if (call.arg_count() == 3) return srandmember_count(call);
  if (call.arg_count() > 3) return syntax_error();
  const Result<const Entry*> entry = read_value(call, call.arg(1), ValueType::kSet);
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().null();
  } else {
    reply_member(call.reply(), SetView(**entry).random(call.server().rng));
  }
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "SPOP",
      .syntax = "key [count:integer]@3.2.0",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Returns one or more random members from a set after removing them. Deletes the "
                 "set if the last member was popped.",
      .since = "1.0.0",
      .complexity = "Without the count argument O(1), otherwise O(N) where N is the value of the "
                    "passed count.",
      .history = "3.2.0: Added the `count` argument.",
      .hints = "nondeterministic_output"},
     spop},
    {{.name = "SRANDMEMBER",
      .syntax = "key [count:integer]@2.6.0",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get one or multiple random members from a set",
      .since = "1.0.0",
      .complexity = "Without the count argument O(1), otherwise O(N) where N is the absolute value "
                    "of the passed count.",
      .history = "2.6.0: Added the optional `count` argument.",
      .hints = "nondeterministic_output"},
     srandmember},
};

}  // namespace

CommandFamily<Call> random_set_commands() {
  return {.group = Group::kSet, .commands = kCommands};
}

}  // namespace redan
