// sentinel.conf of any bytes is refused, or read; what is rewritten is read back and says the same.
#include "common/base/check.h"
#include "common/base/parse.h"
#include "sentinel/drivers/sentinel_conf.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {
namespace {

std::optional<SentinelConf> read(std::string_view text) {
  std::vector<std::vector<std::string>> statements;
  for (const std::string_view line : split(text, '\n')) {
    auto words = split_words(line);
    if (!words || words->empty() || (*words)[0] != "sentinel") continue;
    words->erase(words->begin());
    statements.push_back(std::move(*words));
  }
  SentinelConf conf;
  if (!apply_statements(statements, conf)) return std::nullopt;
  return conf;
}

}  // namespace
}  // namespace redan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<SentinelConf> conf = fuzz::read(text);
  if (!conf) return 0;
  const std::string once = rewrite_conf(text, *conf);
  const std::optional<SentinelConf> back = fuzz::read(once);
  REDAN_CHECK(back.has_value());
  REDAN_CHECK(rewrite_conf("", *back) == rewrite_conf("", *conf));
  REDAN_CHECK(rewrite_conf(once, *back) == once);
  return 0;
}
