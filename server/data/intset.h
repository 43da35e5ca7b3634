// An intset: integers in ascending order, one behind the other in one piece of memory. It is the
// form in which small sets of integers are kept, and byte for byte what Redis' RDB files hold.
//
//   intset = width (4)  count (4)  integer*        all little endian
//   width  = 2, 4 or 8: the bytes of each integer, the least that holds all which were ever in it
//
// Intset reads; IntsetEdit works on anything that has view() and splice(), as ListpackEdit does
// (see listpack.h). Neither checks the input: use validate() on bytes of other origin first.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace redan {

class Intset {
 public:
  static constexpr size_t kHeaderBytes = 8;

  explicit Intset(std::string_view bytes) : bytes_(bytes) {}
  static const std::string& empty_bytes();

  size_t size() const { return load<uint32_t>(4); }
  size_t width() const { return load<uint32_t>(0); }
  int64_t at(size_t index) const {
    const size_t from = kHeaderBytes + index * width();
    switch (width()) {
      case 2:
        return load<int16_t>(from);
      case 4:
        return load<int32_t>(from);
      default:
        return load<int64_t>(from);
    }
  }
  bool contains(int64_t value) const;
  // The first one that is not less than `value`; size() where there is none.
  size_t lower_bound(int64_t value) const;

  static size_t width_of(int64_t value) {
    if (value == static_cast<int16_t>(value)) return 2;
    return value == static_cast<int32_t>(value) ? 4 : 8;
  }

  // Whether the bytes are an intset with at least one integer, in order and each once.
  static bool validate(std::string_view bytes);

 private:
  template <class T>
  T load(size_t from) const {
    T value;
    std::memcpy(&value, bytes_.data() + from, sizeof value);
    return value;
  }

  std::string_view bytes_;
};

struct IntsetEdit {
  // false: it is there already.
  template <class Bytes>
  static bool insert(Bytes& bytes, int64_t value) {
    const Intset set(bytes.view());
    const size_t count = set.size();
    const size_t width = set.width();
    const size_t wanted = Intset::width_of(value);
    if (wanted > width) {
      // All others are nearer to zero: it goes in front of them, or behind.
      const size_t old_size = bytes.view().size();
      const size_t new_size = Intset::kHeaderBytes + (count + 1) * wanted;
      char* const base = bytes.splice(old_size, 0, new_size - old_size);
      widen(base, count, width, wanted, value < 0 ? 1 : 0);
      store(base, value < 0 ? 0 : count, wanted, value);
      settle(base, wanted, count + 1);
      return true;
    }
    const size_t index = set.lower_bound(value);
    if (index < count && set.at(index) == value) return false;
    char* const base = bytes.splice(Intset::kHeaderBytes + index * width, 0, width);
    store(base, index, width, value);
    settle(base, width, count + 1);
    return true;
  }

  // false: it is not there.
  template <class Bytes>
  static bool erase(Bytes& bytes, int64_t value) {
    const Intset set(bytes.view());
    const size_t index = set.lower_bound(value);
    if (index == set.size() || set.at(index) != value) return false;
    const size_t count = set.size();
    const size_t width = set.width();
    char* const base = bytes.splice(Intset::kHeaderBytes + index * width, width, 0);
    settle(base, width, count - 1);
    return true;
  }

 private:
  // Makes each of the integers wider where it is, and moves all of them `shift` places on.
  static void widen(char* base, size_t count, size_t from, size_t to, size_t shift);
  static void store(char* base, size_t index, size_t width, int64_t value) {
    // Little endian: the low bytes come first.
    std::memcpy(base + Intset::kHeaderBytes + index * width, &value, width);
  }
  static void settle(char* base, size_t width, size_t count) {
    const auto width32 = static_cast<uint32_t>(width);
    const auto count32 = static_cast<uint32_t>(count);
    std::memcpy(base, &width32, 4);
    std::memcpy(base + 4, &count32, 4);
  }
};

}  // namespace redan
