// The hash of a key in a table: keyed, so that a client who does not know the key of the hash
// cannot choose strings that collide. The same in one process for the same key and text, and never
// told to anybody outside of it.
//
// Texts of up to 32 bytes are hashed by three or four rounds of AES where the processor has them
// (as Go's maps are), a fifth of SipHash's time; longer ones, and all of them elsewhere, by
// SipHash-1-3.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/siphash.h"

namespace redan {

uint64_t keyed_hash(const HashKey& key, std::string_view text);

}  // namespace redan
