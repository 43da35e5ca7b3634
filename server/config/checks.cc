#include "server/config/checks.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace redan {
namespace {

bool is_path(std::string_view name) {
  return name.find('/') != std::string_view::npos || name.find('\\') != std::string_view::npos;
}

bool all_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](unsigned char c) {
    return std::isalnum(c) != 0 || others.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

const char* bad_file_name(std::string_view name) {
  return is_path(name) ? "dbfilename can't be a path, just a filename" : nullptr;
}

const char* bad_aof_name(std::string_view name) {
  if (name.empty()) return "appendfilename can't be empty";
  return is_path(name) ? "appendfilename can't be a path, just a filename" : nullptr;
}

const char* bad_aof_dir(std::string_view name) {
  if (name.empty()) return "appenddirname can't be empty";
  return is_path(name) ? "appenddirname can't be a path, just a dirname" : nullptr;
}

const char* bad_title_template(std::string_view text) {
  constexpr const char* kReason = "template format is invalid or contains unknown variables";
  constexpr std::array<std::string_view, 6> kVariables = {"title", "listen-addr", "server-mode",
                                                          "port",  "tls-port",    "config-file"};
  for (size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{')) {
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos) return kReason;
    const std::string_view name = text.substr(open + 1, close - open - 1);
    if (name != "unixsocket" &&
        std::find(kVariables.begin(), kVariables.end(), name) == kVariables.end()) {
      return kReason;
    }
    text.remove_prefix(close + 1);
  }
  return nullptr;
}

const char* bad_host_name(std::string_view name) {
  if (name.size() >= 256) return "Hostnames must be less than 256 characters";
  return all_of(name, "-.") ? nullptr
                            : "Hostnames may only contain alphanumeric characters, "
                              "hyphens or dots";
}

const char* bad_node_name(std::string_view name) {
  if (name.size() >= 256) return "Human nodenames must be less than 256 characters";
  return all_of(name, "-._") ? nullptr : "Announced human node name contained invalid character";
}

}  // namespace redan
