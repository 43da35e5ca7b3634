// The last commands that stood out (took long, or had a large request or reply), newest first.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace redan {

class SlowLog {
 public:
  struct Entry {
    int64_t id;
    int64_t unix_s;
    int64_t amount;                 // what stood out: microseconds or bytes
    std::vector<std::string> args;  // shortened: 32 arguments of 128 bytes at most
    std::string peer;
    std::string client_name;
  };

  void add(Entry entry, std::span<const std::string_view> args, size_t max_length);
  void trim(size_t max_length);
  void reset() { entries_.clear(); }
  const std::deque<Entry>& entries() const { return entries_; }

 private:
  std::deque<Entry> entries_;
  int64_t next_id_ = 0;
};

}  // namespace redan
