#include "server/drivers/snapshot_output.h"

#include <algorithm>
#include <utility>

namespace redan {

namespace {
// One large value is cut, so that the window holds for it too.
constexpr size_t kLargestChunk = 256 * 1024;
}  // namespace

Result<void> StreamSnapshotOutput::begin() {
  if (options_.eof_mark.empty()) return kOk;
  return send("$EOF:" + options_.eof_mark + "\r\n");
}

Result<void> StreamSnapshotOutput::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t size = std::min(bytes.size(), kLargestChunk);
    if (Result<void> sent = send(std::string(bytes.substr(0, size))); !sent) return sent;
    bytes.remove_prefix(size);
  }
  return kOk;
}

Result<void> StreamSnapshotOutput::finish() {
  return options_.eof_mark.empty() ? Result<void>(kOk) : send(options_.eof_mark);
}

Result<void> StreamSnapshotOutput::send(std::string chunk) {
  {
    std::unique_lock lock(mutex_);
    // A chunk may pass the window's end: otherwise one larger than the window would never leave.
    room_.wait(lock, [&] { return given_up_ || out_bytes_ < options_.window_bytes; });
    if (given_up_) return Error("the snapshot was given up");
    out_bytes_ += chunk.size();
  }
  auto shared = std::make_shared<const std::string>(std::move(chunk));
  options_.loop.post([take = options_.take, shared = std::move(shared)] { take(shared); });
  return kOk;
}

void StreamSnapshotOutput::consumed(size_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    out_bytes_ -= std::min(bytes, out_bytes_);
  }
  room_.notify_one();
}

void StreamSnapshotOutput::give_up() {
  {
    const std::scoped_lock lock(mutex_);
    given_up_ = true;
  }
  room_.notify_one();
}

}  // namespace redan
