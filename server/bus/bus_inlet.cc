#include "server/bus/bus_inlet.h"

#include <utility>

namespace redan {

void BusHub::set_card(const cluster::Card& card) {
  const std::lock_guard lock(mutex_);
  liveness_.set(card.self, card.heartbeat);
}

cluster::Liveness::Verdict BusHub::judge(const cluster::Envelope& envelope) const {
  const std::lock_guard lock(mutex_);
  return liveness_.judge(envelope);
}

void BusHub::count_pong(const std::shared_ptr<BusHub>& hub) {
  if (hub->pongs_.fetch_add(1) > 0) return;  // A task is under way.
  hub->events.post([hub] { hub->events.answered(hub->pongs_.exchange(0)); });
}

void BusInlet::deliver(BusSender from, cluster::BusMessage message, size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    ++messages_;
    bytes_ += bytes;
    hub_->waiting_bytes += bytes;
  }
  const bool posted = hub_->events.post(
      [self = shared_from_this(), from = std::move(from), message = std::move(message), bytes] {
        self->hub_->events.message(from, message);
        self->taken(bytes);
      });
  if (!posted) return;  // We are closing down.
  const std::lock_guard lock(mutex_);
  paused_ = is_full();
  if (!paused_ && read_on_) read_on_();
}

void BusInlet::skip() {
  const std::lock_guard lock(mutex_);
  if (read_on_) read_on_();
}

void BusInlet::close() {
  const std::lock_guard lock(mutex_);
  read_on_ = nullptr;
}

void BusInlet::taken(size_t bytes) {
  const std::lock_guard lock(mutex_);
  --messages_;
  bytes_ -= bytes;
  hub_->waiting_bytes -= bytes;
  if (!paused_ || is_full()) return;
  paused_ = false;
  if (read_on_) read_on_();
}

bool BusInlet::is_full() const {
  if (messages_ == 0) return false;
  return messages_ >= kMaxMessages || bytes_ >= kMaxBytes || hub_->waiting_bytes >= kMaxBytesOfAll;
}

}  // namespace redan
