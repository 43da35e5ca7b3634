// A growing run of bytes without the zero-filling and bookkeeping of std::string: what replies are
// written into. Single owner, not thread-safe.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace redan {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~ByteBuffer() { std::free(data_); }

  const char* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }
  std::string_view view(size_t from) const { return {data_ + from, size_ - from}; }

  // Room for `bytes` more, to be written at the returned place and then committed with advance().
  char* reserve(size_t bytes) {
    if (size_ + bytes > capacity_) [[unlikely]] {
      grow(bytes);
    }
    return data_ + size_;
  }
  void advance(size_t bytes) { size_ += bytes; }

  void append(std::string_view bytes) {
    char* to = reserve(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void append(char byte) {
    *reserve(1) = byte;
    ++size_;
  }
  void insert(size_t at, std::string_view bytes) {
    reserve(bytes.size());
    std::memmove(data_ + at + bytes.size(), data_ + at, size_ - at);
    std::memcpy(data_ + at, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void truncate(size_t size) { size_ = size; }
  // Forgets the content; memory beyond `keep` bytes is given back.
  void clear(size_t keep = SIZE_MAX) {
    size_ = 0;
    if (capacity_ > keep) {
      std::free(std::exchange(data_, nullptr));
      capacity_ = 0;
    }
  }

 private:
  [[gnu::noinline, gnu::cold]] void grow(size_t bytes) {
    size_t capacity = capacity_ < 256 ? 512 : capacity_ * 2;
    while (capacity < size_ + bytes) capacity *= 2;
    char* data = static_cast<char*>(std::realloc(data_, capacity));
    if (data == nullptr) throw std::bad_alloc();
    data_ = data;
    capacity_ = capacity;
  }

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace redan
