#include "server/command/keys/digest.h"

#include <openssl/evp.h>

#include <string_view>

#include "common/base/check.h"

namespace redan {
namespace {

Digest sha1(std::string_view bytes) {
  Digest digest;
  unsigned int size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr);
  REDAN_CHECK(done == 1);
  return digest;
}

}  // namespace

void add_unordered(Digest& digest, std::string_view bytes) {
  const Digest hash = sha1(bytes);
  for (size_t i = 0; i < digest.size(); ++i) digest[i] ^= hash[i];
}

void add_ordered(Digest& digest, std::string_view bytes) {
  add_unordered(digest, bytes);
  digest = sha1(bytes_of(digest));
}

namespace {

void add_number(Digest& digest, uint32_t number) {
  const char big_endian[4] = {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
                              static_cast<char>(number >> 8), static_cast<char>(number)};
  add_ordered(digest, {big_endian, 4});
}

void add_value(Digest& digest, const Entry& entry) {
  // (In Redis' numbers the values of modules come before streams.)
  const bool stream = entry.type() == ValueType::kStream;
  add_number(digest, stream ? 6 : static_cast<uint32_t>(entry.type()));
  switch (entry.type()) {
    case ValueType::kString: {
      Entry::Scratch scratch;
      add_ordered(digest, entry.string(scratch));
      break;
    }
    case ValueType::kStream:
      add_stream(digest, entry);
      break;
    case ValueType::kSet:
      add_set(digest, entry);
      break;
    case ValueType::kHash:
      add_hash(digest, entry);
      break;
    case ValueType::kSortedSet:
      add_sorted_set(digest, entry);
      break;
    case ValueType::kList:
      add_list(digest, entry);
      break;
    default:
      REDAN_CHECK(false);
  }
  if (entry.expires()) add_unordered(digest, "!!expire!!");
}

}  // namespace

Digest value_digest(const Entry& entry) {
  Digest digest{};
  add_value(digest, entry);
  return digest;
}

Digest dataset_digest(Keyspace& keyspace) {
  Digest all{};
  for (int db = 0; db < keyspace.databases(); ++db) {
    if (keyspace.size(db) == 0) continue;
    add_number(all, static_cast<uint32_t>(db));
    keyspace.for_each(db, [&](const Entry& entry) {
      Digest digest{};
      add_ordered(digest, entry.key());
      add_value(digest, entry);
      add_unordered(all, bytes_of(digest));
    });
  }
  return all;
}

std::string to_hex(const Digest& digest) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace redan
