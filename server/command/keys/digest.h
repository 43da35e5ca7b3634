// Redis' fingerprints of data, for DEBUG DIGEST: equal contents have equal digests, on any server
// and in any order of keys.
//   key     = SHA-1 chain over its name, its type and its value, and whether it has a deadline
//   dataset = exclusive or over all keys, after the number of each database that is not empty
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/keyspace/keyspace.h"

namespace redan {

using Digest = std::array<uint8_t, 20>;

// Of a value, without the key's name.
Digest value_digest(const Entry& entry);
Digest dataset_digest(Keyspace& keyspace);
std::string to_hex(const Digest& digest);

// What digests are made of: bytes whose order among others does not matter, and bytes whose does.
void add_unordered(Digest& digest, std::string_view bytes);
void add_ordered(Digest& digest, std::string_view bytes);
inline std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The values of each type.
void add_stream(Digest& digest, const Entry& entry);
void add_set(Digest& digest, const Entry& entry);
void add_hash(Digest& digest, const Entry& entry);
void add_sorted_set(Digest& digest, const Entry& entry);
void add_list(Digest& digest, const Entry& entry);

}  // namespace redan
