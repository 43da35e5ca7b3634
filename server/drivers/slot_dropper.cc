#include "server/drivers/slot_dropper.h"

#include <utility>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "server/keyspace/keyspace.h"

namespace redan {

void SlotDropper::add(const SlotSet& slots) {
  slots.for_each([this](Slot slot) {
    if (parts_.keyspace.slot_size(slot) > 0) pending_.add(slot);
  });
  if (!pending_.empty()) parts_.loop.start(*this);
}

void SlotDropper::finish(const SlotSet& slots) {
  (pending_ & slots).for_each([this](Slot slot) { drop(slot); });
}

void SlotDropper::forget() {
  pending_.clear();
  keys_ = 0;
}

void SlotDropper::drop(Slot slot) {
  parts_.keyspace.for_each_in_slot(
      slot, [this](const Entry& entry) { parts_.feed_deletion(entry.key()); });
  keys_ += parts_.keyspace.drop_slot(slot, Keyspace::Free::kLazily);
  pending_.remove(slot);
  if (!pending_.empty()) return;
  log_notice("Deleted {} keys of slots that another node owns now", std::exchange(keys_, 0));
}

bool SlotDropper::run_slice(Nanos budget) {
  const Instant until = monotonic_now() + budget;
  while (!pending_.empty()) {
    drop(pending_.first());
    if (monotonic_now() >= until) break;
  }
  if (!pending_.empty()) return true;
  parts_.done();
  return false;
}

}  // namespace redan
