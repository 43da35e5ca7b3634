// The RDB file format, versions 1 to 12, as far as it is common to readers and writers.
//
//   file      = "REDIS" version item* 0xFF checksum    version: four decimal digits
//   item      = 0xFA string string                     aux field (since 7): "redis-ver" "7.2.0"
//             | 0xFE length                            the keys that follow belong to this database
//             | 0xFB length length                     how many keys and expiries it has (since 7)
//             | 0xF4 length length length              cluster slot, its keys and expiries (since
//             12) | 0xF5 string                            a function library's source (since 10)
//             | 0xF7 module-id when value* 0x00        a module's own data (since 9)
//             | key
//   key       = expiry? idle? type string value
//   expiry    = 0xFC int64                             milliseconds since 1970, little endian
//             | 0xFD int32                             seconds, little endian (written until 2)
//   idle      = 0xF8 length                            seconds since the last access (LRU, since 9)
//             | 0xF9 byte                              logarithmic access counter (LFU, since 9)
//   checksum  = 8 bytes, little endian                 CRC-64 of all bytes before; 0: none (since
//   5) length    = 00vvvvvv                               6 bits
//             | 01vvvvvv vvvvvvvv                      14 bits, big endian
//             | 0x80 uint32 | 0x81 uint64              big endian
//   string    = length bytes
//             | 0xC0 int8 | 0xC1 int16 | 0xC2 int32    a number's decimal text; little endian
//             | 0xC3 length length bytes               LZF: compressed size, size, compressed bytes
//   value     = by type; RdbType names them, rdb_shape.cc has the grammar of those with elements
//
// We write version 10, the lowest that carries what we hold, so that redis-server 7.0, 7.2 and
// Valkey load our files.
#pragma once

#include <cstdint>
#include <string_view>

namespace redan {

inline constexpr int kRdbVersionWritten = 10;
inline constexpr int kRdbVersionNewest = 12;
inline constexpr int kRdbVersionWithChecksum = 5;
inline constexpr int kRdbVersionWithFieldExpiry = 12;
inline constexpr size_t kRdbHeaderBytes = 9;

enum class RdbOpcode : uint8_t {
  kSlotInfo = 0xF4,
  kFunction = 0xF5,
  kFunctionPreRelease = 0xF6,
  kModuleAux = 0xF7,
  kIdle = 0xF8,
  kFrequency = 0xF9,
  kAux = 0xFA,
  kResizeDb = 0xFB,
  kExpiryMs = 0xFC,
  kExpirySeconds = 0xFD,
  kSelectDb = 0xFE,
  kEnd = 0xFF,
};

enum class RdbType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kSortedSetText = 3,  // scores as decimal text
  kHash = 4,
  kSortedSet = 5,
  kModulePreRelease = 6,
  kModule = 7,
  kHashZipmap = 9,
  kListZiplist = 10,
  kSetIntset = 11,
  kSortedSetZiplist = 12,
  kHashZiplist = 13,
  kListQuicklist = 14,  // of ziplists
  kStream = 15,
  kHashListpack = 16,
  kSortedSetListpack = 17,
  kListQuicklist2 = 18,  // of listpacks and plain nodes
  kStream2 = 19,
  kSetListpack = 20,
  kStream3 = 21,
  kHashExpiringPreRelease = 22,
  kHashListpackExpiringPreRelease = 23,
  kHashExpiring = 24,  // fields with a time to live (Redis 7.4)
  kHashListpackExpiring = 25,
};
inline constexpr int kRdbTypeNewest = 25;

// The type's name as redis-check-rdb prints it ("hash-listpack"); empty for a number without
// meaning.
std::string_view rdb_type_name(RdbType type);
// What TYPE answers for a key of this type ("hash"); empty for a number without meaning.
std::string_view rdb_value_kind(RdbType type);

// Length prefixes: the two high bits.
inline constexpr uint8_t kLength6 = 0x00;
inline constexpr uint8_t kLength14 = 0x40;
inline constexpr uint8_t kLength32 = 0x80;
inline constexpr uint8_t kLength64 = 0x81;
// Strings that are not plain bytes.
inline constexpr uint8_t kStringInt8 = 0xC0;
inline constexpr uint8_t kStringInt16 = 0xC1;
inline constexpr uint8_t kStringInt32 = 0xC2;
inline constexpr uint8_t kStringLzf = 0xC3;

// Three bytes of LZF expand to at most 264: a claim beyond that is a lie, refused before memory is
// taken for it.
inline constexpr uint64_t kLzfMaxExpansion = 88;
// No string of ours or Redis' is larger (proto-max-bulk-len may be raised, but not beyond this).
inline constexpr uint64_t kRdbMaxString = uint64_t{4} << 30;

}  // namespace redan
