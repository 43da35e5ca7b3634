#include "common/metrics/info_writer.h"

namespace redan {

void InfoWriter::section(std::string_view name) {
  if (!text_.empty()) text_ += "\r\n";
  text_.append("# ").append(name).append("\r\n");
}

void InfoWriter::field(std::string_view name, std::string_view value) {
  text_.append(name).append(":").append(value).append("\r\n");
}

}  // namespace redan
