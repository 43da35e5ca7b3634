// A configuration file of any bytes is refused with a report, or read; what is rewritten then says
// the same.
#include "common/base/check.h"
#include "common/config/file.h"
#include "server/config/options.h"
#include "server/config/server_config.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {
namespace {

class NoFiles final : public FileSource {
 public:
  Result<std::string> read(const std::string& path) override {
    return Error{"ERR", "no file " + path};
  }
  std::vector<std::string> match(const std::string&) override { return {}; }
};

std::string values(const Registry& registry) {
  std::string out;
  for (const Option* option : registry.options()) {
    for (const std::string& line : registry.lines(*option)) {
      out += std::string(option->name) + " " + line + "\n";
    }
  }
  return out;
}

}  // namespace
}  // namespace redan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  static const OptionList options = server_options();
  const std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::NoFiles files;
  static ServerConfig config;
  static Registry registry(config, options);
  registry.begin_load();
  registry.reset();
  if (!load_text(registry, {"the fuzzer", text}, files)) return 0;
  const Result<std::string> rewritten = rewrite_text(registry, {"the fuzzer", text}, files);
  REDAN_CHECK(rewritten.ok());
  static ServerConfig again;
  static Registry reader(again, options);
  reader.begin_load();
  reader.reset();
  REDAN_CHECK(load_text(reader, {"the rewritten text", *rewritten}, files).ok());
  REDAN_CHECK(fuzz::values(reader) == fuzz::values(registry));
  return 0;
}
