// MurmurHash64A (Austin Appleby, public domain): the hash that HyperLogLogs of Redis are made with,
// so that ours can be merged with those.
#pragma once

#include <cstdint>
#include <string_view>

namespace redan {

uint64_t murmur64a(std::string_view bytes, uint64_t seed);

}  // namespace redan
