#include "server/session/session.h"

#include "server/session/tracking.h"

namespace redan {

size_t Session::memory_bytes() const {
  constexpr size_t kNode = 64;  // of a set, about
  size_t bytes = name.capacity() + lib_name.capacity() + lib_version.capacity() + waiting_bytes;
  if (transaction != nullptr) bytes += sizeof(Transaction) + transaction->bytes;
  if (subscriptions != nullptr) {
    bytes += sizeof(Subscriptions) + subscriptions->bytes + subscriptions->count() * kNode;
  }
  if (tracker != nullptr) {
    bytes += sizeof(Tracker);
    for (const std::string& prefix : tracker->prefixes) bytes += prefix.size() + kNode;
  }
  return bytes;
}

}  // namespace redan
