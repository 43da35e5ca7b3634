// A snapshot of any bytes ends in a keyspace or in an error, the same in one piece and in many.
// What was loaded is dumped, and restored it is the same.
#include <map>
#include <string>

#include "common/base/check.h"
#include "common/base/crc64.h"
#include "server/command/keys/digest.h"
#include "server/drivers/snapshot_loader.h"
#include "server/keyspace/keyspace.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/payload.h"

namespace redan::fuzz {
namespace {

struct Loaded {
  std::string error;
  std::map<std::string, std::string> keys;
};

Loaded load(std::string_view snapshot, const uint8_t* seed) {
  Keyspace keyspace({.databases = 16, .seed = 1});
  SnapshotLoader loader(keyspace,
                        {.now = from_unix_ms(1'700'000'000'000), .total_bytes = snapshot.size()});
  const auto feed = [&]() -> Result<void> {
    if (seed == nullptr) {
      if (Result<size_t> used = loader.feed(snapshot); !used) return used.error();
    } else {
      for (Pieces pieces(snapshot, *seed); !pieces.done();) {
        if (Result<size_t> used = loader.feed(pieces.next()); !used) return used.error();
      }
    }
    return loader.finish();
  };
  const Result<void> result = feed();
  REDAN_CHECK(result.ok() == loader.done());
  if (!result) return {.error = result.error().text(), .keys = {}};
  keyspace.check_invariants();
  Loaded out;
  for (int db = 0; db < 16; ++db) {
    size_t count = 0;
    keyspace.for_each(db, [&](const Entry& entry) {
      ++count;
      const std::string payload = dump_value(entry);
      const Digest digest = value_digest(entry);
      REDAN_CHECK(look_at_payload(payload, entry.expiry_ms(), value_digest) == digest);
      out.keys[std::to_string(db) + " " + std::string(entry.key())] =
          payload + std::to_string(entry.expiry_ms());
    });
    REDAN_CHECK(count == keyspace.size(db));
  }
  return out;
}

}  // namespace
}  // namespace redan::fuzz

// Most mutations break the checksum, and nothing behind it would be tried: it is put right.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  fuzz::Input input(data, size);
  const uint8_t seed = input.byte();
  std::string snapshot(input.rest());
  if ((seed & 1) != 0) {
    uint64_t crc = crc64(0, snapshot);
    for (int i = 0; i < 8; ++i, crc >>= 8) snapshot += static_cast<char>(crc & 0xff);
  }
  const fuzz::Loaded at_once = fuzz::load(snapshot, nullptr);
  const fuzz::Loaded in_pieces = fuzz::load(snapshot, &seed);
  // Input that is cut short may be refused sooner or later, and in other words.
  constexpr std::string_view kCut = "ERR the data ends";
  REDAN_CHECK(at_once.error.empty() == in_pieces.error.empty());
  if (!at_once.error.starts_with(kCut) && !in_pieces.error.starts_with(kCut)) {
    REDAN_CHECK(at_once.error == in_pieces.error);
  }
  REDAN_CHECK(at_once.keys == in_pieces.keys);
  return 0;
}
