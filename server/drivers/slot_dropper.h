// Keys of slots that another node owns now: they go slot by slot, in slices between requests, and
// replicas are told key by key. Nobody finds them meanwhile: clients are sent elsewhere, and the
// keyspace holds their slots (Keyspace::hold_slots). Data thread only.
#pragma once

#include <functional>
#include <string_view>

#include "common/base/slot_set.h"
#include "server/drivers/data_loop.h"

namespace redan {

class Keyspace;

class SlotDropper final : public BackgroundWork {
 public:
  struct Parts {
    DataLoop& loop;
    Keyspace& keyspace;
    std::function<void(std::string_view key)> feed_deletion;
    std::function<void()> done;  // The last slot that was pending is empty.
  };
  explicit SlotDropper(Parts parts) : parts_(std::move(parts)) {}
  ~SlotDropper() override { parts_.loop.stop(*this); }

  void add(const SlotSet& slots);
  // At once: these slots are wanted for other keys.
  void finish(const SlotSet& slots);
  // We are a replica now: our primary says what goes.
  void forget();
  const SlotSet& pending() const { return pending_; }

  bool run_slice(Nanos budget) override;

 private:
  void drop(Slot slot);

  Parts parts_;
  SlotSet pending_;
  size_t keys_ = 0;  // dropped since the last time that nothing was pending
};

}  // namespace redan
