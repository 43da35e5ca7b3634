// The id of a stream's entry: milliseconds and a sequence number within them, written "ms-seq".
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace redan {

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;

  static constexpr StreamId max() { return {UINT64_MAX, UINT64_MAX}; }
  bool is_zero() const { return (ms | seq) == 0; }
  friend constexpr auto operator<=>(const StreamId&, const StreamId&) = default;

  // The ids right behind and right before; nothing at the ends.
  std::optional<StreamId> next() const {
    if (seq != UINT64_MAX) return StreamId{ms, seq + 1};
    if (ms != UINT64_MAX) return StreamId{ms + 1, 0};
    return std::nullopt;
  }
  std::optional<StreamId> previous() const {
    if (seq != 0) return StreamId{ms, seq - 1};
    if (ms != 0) return StreamId{ms - 1, UINT64_MAX};
    return std::nullopt;
  }

  // As RDB stores it: 16 bytes, big endian, so that their order is the ids' order.
  static constexpr size_t kBytes = 16;
  void store(char* to) const {
    const uint64_t big_endian[2] = {__builtin_bswap64(ms), __builtin_bswap64(seq)};
    std::memcpy(to, big_endian, kBytes);
  }
  static StreamId load(const char* from) {
    uint64_t big_endian[2];
    std::memcpy(big_endian, from, kBytes);
    return {__builtin_bswap64(big_endian[0]), __builtin_bswap64(big_endian[1])};
  }
};

// "1526919030474-55", on the stack.
class StreamIdText {
 public:
  explicit StreamIdText(StreamId id);
  std::string_view view() const { return {text_, size_}; }
  std::string str() const { return std::string(view()); }

 private:
  char text_[42];
  size_t size_;
};

// What a client may write in an id's place: "ms-seq", "ms" (the sequence is the caller's to
// choose), and where a sequence is to be made for given milliseconds, "ms-*".
struct ParsedStreamId {
  StreamId id;
  bool has_seq = false;
  bool makes_seq = false;
};
std::optional<ParsedStreamId> parse_stream_id(std::string_view text);

}  // namespace redan
