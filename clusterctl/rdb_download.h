// A node's data set as an RDB file, received as a replica would: SYNC, then either
//   $<length>\r\n<bytes>            or, from a node that sends without a file,
//   $EOF:<40 bytes>\r\n<bytes><the same 40 bytes>
// with empty lines before it while the node prepares.
#pragma once

#include <functional>
#include <string>

#include "clusterctl/access.h"

namespace redan {

// Writes `path` whole or not at all; the number of bytes. `received` is told how many came.
Result<int64_t> download_rdb(const Endpoint& from, const Access& access, const std::string& path,
                             const std::function<void(int64_t)>& received);

// The stream that follows SYNC, taken apart. Pure.
class RdbStream {
 public:
  // Appends the file's bytes among `bytes` to `file`; an error where it is no such stream.
  Result<void> feed(std::string_view bytes, std::string& file);
  bool complete() const { return complete_; }

 private:
  Result<void> read_heading();

  std::string pending_;  // the heading's beginning, or what may be the end mark's
  std::string mark_;     // of a stream without length
  int64_t left_ = -1;    // of a stream with length
  bool began_ = false;
  bool complete_ = false;
};

}  // namespace redan
