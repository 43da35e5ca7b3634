#include "server/front/own_expiry.h"

#include <algorithm>

#include "common/command/keys.h"

namespace redan {

void OwnExpiry::wrote(int db, const CommandEntry& command, std::span<const std::string_view> args) {
  if (!find_keys(*command.spec, args, found_)) return;
  // These write in another database, which only their arguments name.
  const bool elsewhere = command.full_name == "copy" || command.full_name == "move";
  for (const KeyRef& key : found_) {
    const std::string_view name = args[static_cast<size_t>(key.position)];
    if (!elsewhere) {
      remember(db, name);
      continue;
    }
    for (int each = 0; each < parts_.keyspace.databases(); ++each) remember(each, name);
  }
}

void OwnExpiry::remember(int db, std::string_view key) {
  const Entry* const entry = parts_.keyspace.peek(db, key);
  if (entry == nullptr || !entry->expires() || keys_.size() >= kMost) return;
  keys_.emplace(db, key);
}

void OwnExpiry::expire_some(size_t enough) {
  auto at = keys_.lower_bound(next_);
  for (size_t i = std::min(enough, keys_.size()); i > 0; --i) {
    if (at == keys_.end()) at = keys_.begin();
    const auto& [db, key] = *at;
    const Entry* const entry = parts_.keyspace.peek(db, key);
    if (entry != nullptr && entry->expires()) {
      ++at;
      continue;
    }
    // What is hidden because its time has come goes as soon as its place is wanted.
    if (entry == nullptr) parts_.keyspace.change(db, key);
    at = keys_.erase(at);
  }
  next_ = at == keys_.end() ? Place() : *at;
}

}  // namespace redan
