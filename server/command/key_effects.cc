#include "server/command/key_effects.h"

#include <limits>

#include "common/command/args.h"

namespace redan {

void expire_at(Call& call, std::string_view key, int64_t deadline_ms) {
  Keyspace& keyspace = call.keyspace();
  // A replica keeps the key until its primary says that it is gone.
  if (deadline_ms <= keyspace.now_ms() && !call.server().replication.is_replica()) {
    const bool lazily = call.config().lazyfree_lazy_expire;
    call.propagate_as({lazily ? "UNLINK" : "DEL", key});
    keyspace.erase(call.db(), key, free_by(lazily));
    call.notify(KeyspaceEvents::kGeneric, "del", key);
    return;
  }
  call.propagate_as({"PEXPIREAT", key, Digits(deadline_ms).view()});
  keyspace.set_expiry(call.db(), key, deadline_ms);
  call.notify(KeyspaceEvents::kGeneric, "expire", key);
}

Result<int> database_arg(Call& call, std::string_view word) {
  const Result<int64_t> index =
      integer_arg(word, std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
  if (!index) return index.error();
  if (*index < 0 || *index >= call.keyspace().databases()) {
    return Error("DB index is out of range");
  }
  return static_cast<int>(*index);
}

}  // namespace redan
