#include "server/command/hashes/hash_fields.h"

#include <algorithm>
#include <optional>

#include "common/command/args.h"
#include "server/command/key_effects.h"

namespace redan {

Result<std::span<const std::string_view>> field_words(Call& call, size_t at,
                                                      std::string_view bad_number) {
  if (at >= call.arg_count() || !iequals(call.arg(at), "FIELDS")) {
    return Error("Mandatory argument FIELDS is missing or not at the right position");
  }
  const auto number =
      at + 1 < call.arg_count() ? parse_int64(call.arg(at + 1)) : std::optional<int64_t>();
  if (!number || *number < 1) return Error(bad_number);
  const std::span<const std::string_view> fields = call.args().subspan(at + 2);
  if (static_cast<uint64_t>(*number) != fields.size()) {
    return Error("The `numfields` parameter must match the number of arguments");
  }
  return fields;
}

Result<int64_t> field_deadline(Call& call, std::string_view word, TimeForm form,
                               std::string_view command) {
  const Result<int64_t> number = integer_arg(word);
  if (!number) return number.error();
  if (*number < 0) return Error("invalid expire time, must be >= 0");
  const Result<int64_t> deadline_ms = any_deadline(word, form, call.keyspace().now_ms(), command);
  if (!deadline_ms) return deadline_ms.error();
  if (*deadline_ms > kLatestFieldExpiryMs) {
    return Error("invalid expire time in '" + std::string(command) + "' command");
  }
  return std::max<int64_t>(*deadline_ms, 1);  // Zero would mean that the field stays.
}

bool FieldEffects::has_come(int64_t deadline_ms) const {
  return deadline_ms <= call_.keyspace().now_ms() && !call_.server().replication.is_replica();
}

void FieldEffects::propagate_fields(std::vector<std::string_view> head,
                                    const std::vector<std::string_view>& fields) {
  if (fields.empty()) return;
  head.insert(head.end(), fields.begin(), fields.end());
  call_.propagate_as(head);
}

// One command for each deadline: fields that came together mostly have one.
void FieldEffects::propagate_deadlines() {
  for (size_t i = 0; i < expire_.size();) {
    std::vector<std::string_view> fields;
    const int64_t deadline_ms = expire_[i].deadline_ms;
    for (; i < expire_.size() && expire_[i].deadline_ms == deadline_ms; ++i) {
      fields.push_back(expire_[i].field);
    }
    const Digits deadline(deadline_ms);
    const Digits count(static_cast<int64_t>(fields.size()));
    propagate_fields({"HPEXPIREAT", key_, deadline.view(), "FIELDS", count.view()}, fields);
  }
}

void FieldEffects::tell(bool key_went) {
  const uint64_t changes = set_.size() / 2 + expire_.size() + persist_.size() + erase_.size();
  if (changes == 0) return;
  propagate_fields({"HSET", key_}, set_);
  propagate_deadlines();
  const Digits persisted(static_cast<int64_t>(persist_.size()));
  propagate_fields({"HPERSIST", key_, "FIELDS", persisted.view()}, persist_);
  propagate_fields({"HDEL", key_}, erase_);
  call_.keyspace().changed(call_.db(), key_, changes);
  const auto notify = [&](bool happened, std::string_view event) {
    if (happened) call_.notify(KeyspaceEvents::kHash, event, key_);
  };
  notify(!set_.empty(), "hset");
  notify(!expire_.empty(), "hexpire");
  notify(!persist_.empty(), "hpersist");
  notify(!erase_.empty(), "hdel");
  if (key_went) call_.notify(KeyspaceEvents::kGeneric, "del", key_);
}

}  // namespace redan
