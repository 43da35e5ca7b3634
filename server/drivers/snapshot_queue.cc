#include "server/drivers/snapshot_queue.h"

#include <algorithm>
#include <utility>

namespace redan {

void SnapshotQueue::publish() {
  if (filling_.size == 0) return;
  const size_t queued = queued_.fetch_add(filling_.size) + filling_.size;
  peak_ = std::max(peak_, queued);
  {
    const std::scoped_lock lock(mutex_);
    blocks_.push_back(std::exchange(filling_, Block()));
  }
  filled_.notify_one();
}

// An entry larger than a block gets a block of its own.
void SnapshotQueue::next_block(size_t size) {
  publish();
  if (size <= kBlockBytes) {
    {
      const std::scoped_lock lock(mutex_);
      if (!spare_.empty()) {
        filling_ = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    if (filling_.capacity != 0) return;
  }
  filling_.capacity = std::max(size, kBlockBytes);
  filling_.bytes = std::make_unique_for_overwrite<char[]>(filling_.capacity);
  filling_.size = 0;
}

void SnapshotQueue::close() {
  publish();
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  filled_.notify_one();
}

bool SnapshotQueue::wait_below(size_t bytes) {
  std::unique_lock lock(mutex_);
  drained_.wait(lock, [&] { return dropped() || queued_bytes() <= bytes; });
  return !dropped();
}

std::optional<SnapshotQueue::Block> SnapshotQueue::take() {
  std::unique_lock lock(mutex_);
  filled_.wait(lock, [&] { return dropped() || closed_ || !blocks_.empty(); });
  if (dropped() || blocks_.empty()) return std::nullopt;
  Block block = std::move(blocks_.front());
  blocks_.pop_front();
  return block;
}

size_t SnapshotQueue::give_back(Block block) {
  size_t queued;
  {
    const std::scoped_lock lock(mutex_);
    queued = queued_.fetch_sub(block.size) - block.size;
    if (block.capacity == kBlockBytes && spare_.size() < kSpareBlocks) {
      block.size = 0;
      spare_.push_back(std::move(block));
    }
  }
  drained_.notify_one();
  return queued;
}

void SnapshotQueue::drop() {
  {
    const std::scoped_lock lock(mutex_);
    dropped_ = true;
  }
  filled_.notify_one();
  drained_.notify_one();
}

}  // namespace redan
