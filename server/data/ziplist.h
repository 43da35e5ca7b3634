// A ziplist: what small collections were kept in until Redis 7.0, and what its RDB files hold. It
// is only read here; listpacks took its place.
//
//   ziplist  = total bytes (4)  offset of the last element (4; of the end where there is none)
//              elements (2; 65535: not known, count them)  element*  0xFF
//   element  = previous encoding data
//   previous = size of the element before (0 in the first): 1 byte up to 253, or 0xFE and 4 bytes
//   encoding = 00llllll                      string of up to 63 bytes
//              01llllll llllllll            string of up to 16383 bytes
//              10...... length (4)           string; big endian, unlike everything else
//              11000000, 11010000, 11100000  integers of 2, 4, 8 bytes
//              11110000, 11111110            integers of 3 bytes and of 1
//              1111vvvv                      0 to 12, as vvvv - 1
//   Source: the description in Redis' ziplist.c (antirez), whose example is a test.
//
// Nothing checks the input but validate(): bytes of other origin go through it first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/data/listpack.h"

namespace redan {

class Ziplist {
 public:
  using Element = Listpack::Element;

  // Whether the bytes are a ziplist and nothing else: every element whole, each one's size, the
  // count, the last one's place and the end as they should be. Anything may be in the elements.
  static bool validate(std::string_view bytes);

  explicit Ziplist(std::string_view bytes) : bytes_(bytes) {}
  size_t size() const;
  template <class Each>
  void for_each(Each&& each) const {
    for (size_t at = kHeaderBytes; at + 1 < bytes_.size();) each(take(at));
  }
  // The same elements as a listpack.
  std::string to_listpack() const;

 private:
  static constexpr size_t kHeaderBytes = 10;
  // The element at `at`, which then is behind it.
  Element take(size_t& at) const;

  std::string_view bytes_;
};

}  // namespace redan
