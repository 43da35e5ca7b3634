// The words of `loglevel`, for the options of every program that logs.
#pragma once

#include <string_view>
#include <utility>

#include "common/config/value.h"
#include "common/log/log.h"

namespace redan {

template <>
struct EnumNames<LogLevel> {
  static constexpr std::pair<std::string_view, LogLevel> kTable[] = {
      {"debug", LogLevel::kDebug},
      {"verbose", LogLevel::kVerbose},
      {"notice", LogLevel::kNotice},
      {"warning", LogLevel::kWarning},
      {"nothing", LogLevel::kNothing}};
};

}  // namespace redan
