#include "server/command/lists/list_effects.h"

#include <algorithm>
#include <string>

#include "common/base/parse.h"
#include "common/command/args.h"
#include "server/command/collections.h"

namespace redan {

Result<ListEnd> list_end_arg(std::string_view word) {
  if (iequals(word, "left")) return ListEnd::kHead;
  if (iequals(word, "right")) return ListEnd::kTail;
  return syntax_error();
}

void list_shrunk(Call& call, std::string_view key, std::string_view event, bool key_went,
                 uint64_t changes) {
  call.keyspace().changed(call.db(), key, changes);
  call.notify(KeyspaceEvents::kList, event, key);
  if (key_went) call.notify(KeyspaceEvents::kGeneric, "del", key);
}

size_t pop_and_reply(Call& call, std::string_view key, Keyspace::Ref ref, ListEnd end,
                     uint64_t count, bool as_array) {
  ListEdit list(call.keyspace(), call.db(), key, ref);
  const size_t size = list.size();
  const size_t taken = std::min<uint64_t>(count, size);
  if (as_array) call.reply().array(taken);
  const bool from_head = end == ListEnd::kHead;
  list.view().for_each(from_head ? 0 : size - 1, taken, from_head ? ListEnd::kTail : ListEnd::kHead,
                       [&](const ListView::Element& element) {
                         reply_element(call.reply(), element);
                         return true;
                       });
  list.erase_end(end, taken);
  list_shrunk(call, key, from_head ? "lpop" : "rpop", list.settle(), taken);
  return taken;
}

Result<void> move_element(Call& call, std::string_view source, std::string_view target,
                          ListEnd from, ListEnd to) {
  Keyspace& keyspace = call.keyspace();
  const Result<Keyspace::Ref> target_ref = change_value(call, target, ValueType::kList);
  if (!target_ref) return target_ref.error();
  // A copy: the target may be the source, or move it.
  const std::string text = ListView(*keyspace.peek(call.db(), source)).end(from).str();
  {
    ListEdit list(keyspace, call.db(), target, *target_ref);
    list.expect(text.size(), 1);
    list.push(to, text);
  }
  call.reply().bulk(text);
  keyspace.changed(call.db(), target);
  call.notify(KeyspaceEvents::kList, to == ListEnd::kHead ? "lpush" : "rpush", target);
  ListEdit list(keyspace, call.db(), source, keyspace.change(call.db(), source));
  // Where source and target are one, the new element may stand at the end that is taken from.
  const bool pushed_over = source == target && from == to;
  const size_t at =
      from == ListEnd::kHead ? (pushed_over ? 1 : 0) : list.size() - (pushed_over ? 2 : 1);
  list.erase(at, 1);
  list_shrunk(call, source, from == ListEnd::kHead ? "lpop" : "rpop", list.settle(), 0);
  return kOk;
}

}  // namespace redan
