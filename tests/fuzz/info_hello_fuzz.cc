// What data nodes and stock sentinels tell as text: INFO, and hellos.
#include "common/base/check.h"
#include "sentinel/logic/hello.h"
#include "sentinel/logic/info_text.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const InfoText info = parse_info(text);
  REDAN_CHECK(info.replicas.size() <= 1024U);
  const std::optional<Hello> hello = parse_hello(text);
  if (!hello) return 0;
  REDAN_CHECK(hello->current_epoch <= kLargestEpoch);
  const std::string once = format_hello(*hello);
  const std::optional<Hello> back = parse_hello(once);
  REDAN_CHECK(back.has_value());
  REDAN_CHECK(format_hello(*back) == once);
  return 0;
}
