// The text of INFO: sections with `name:value` lines. Every part writes its own fields:
//   info.section("Replication");
//   info.field("role", "master");
//   info.field("connected_slaves", replicas.size());
#pragma once

#include <fmt/core.h>

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace redan {

class InfoWriter {
 public:
  // Begins a section: an empty line between it and what stands before, then "# Name".
  void section(std::string_view name);

  void field(std::string_view name, std::string_view value);
  void field(std::string_view name, const char* value) { field(name, std::string_view(value)); }
  void field(std::string_view name, const std::string& value) {
    field(name, std::string_view(value));
  }
  template <std::integral Number>
  void field(std::string_view name, Number value) {
    field(name, std::string_view(fmt::format("{}", +value)));  // bool reads as 0 and 1
  }
  // A number with a fixed count of digits behind the point.
  void field(std::string_view name, double value, int digits = 2) {
    field(name, std::string_view(fmt::format("{:.{}f}", value, digits)));
  }

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace redan
