// The two outputs of a snapshot: a file that replaces another, and chunks for the data thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "server/drivers/data_loop.h"
#include "server/drivers/snapshot_encoder.h"
#include "server/drivers/snapshot_file.h"

namespace redan {

class FileSnapshotOutput : public SnapshotOutput {
 public:
  explicit FileSnapshotOutput(SnapshotFile::Place place) : file_(std::move(place)) {}
  Result<void> begin() override { return file_.create(); }
  Result<void> write(std::string_view bytes) override { return file_.write(bytes); }
  Result<void> finish() override { return file_.commit(); }

 private:
  SnapshotFile file_;
};

// Posts chunks to the data thread, at most `window_bytes` that nobody has consumed. The snapshot
// thread waits in write() until the readers catch up or give_up() is called.
class StreamSnapshotOutput : public SnapshotOutput {
 public:
  using Take = std::function<void(std::shared_ptr<const std::string>)>;
  struct Options {
    std::string eof_mark;
    size_t window_bytes;
    DataLoop& loop;
    Take take;  // on the data thread
  };
  explicit StreamSnapshotOutput(Options options) : options_(std::move(options)) {}
  Result<void> begin() override;
  Result<void> write(std::string_view bytes) override;
  Result<void> finish() override;

  // Data thread.
  void consumed(size_t bytes);
  void give_up();

 private:
  Result<void> send(std::string chunk);

  Options options_;
  std::mutex mutex_;
  std::condition_variable room_;
  size_t out_bytes_ = 0;
  bool given_up_ = false;
};

}  // namespace redan
