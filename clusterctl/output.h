// The forms in which clusterctl prints: tables for people, JSON for programs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace redan {

using Row = std::vector<std::string>;

// Columns as wide as their widest cell; the first row is the heading.
std::string table(const std::vector<Row>& rows);
std::string json_string(const std::string& text);

// "1 slot", "3 slots"; "12 400" with blanks between thousands.
std::string counted(int64_t number, const std::string& noun);
std::string grouped(int64_t number);

// JSON as it is written, from left to right; commas come by themselves.
class Json {
 public:
  Json& open(char bracket) {
    separate();
    text_ += bracket;
    fresh_ = true;
    return *this;
  }
  Json& close(char bracket) {
    text_ += bracket;
    fresh_ = false;
    return *this;
  }
  Json& key(const std::string& name) {
    separate();
    text_ += json_string(name) + ":";
    fresh_ = true;
    return *this;
  }
  Json& value(const std::string& text) { return raw(json_string(text)); }
  Json& value(int64_t number) { return raw(std::to_string(number)); }
  Json& flag(bool value) { return raw(value ? "true" : "false"); }
  Json& null() { return raw("null"); }
  std::string take() { return text_ + "\n"; }

 private:
  Json& raw(const std::string& text) {
    separate();
    text_ += text;
    return *this;
  }
  void separate() {
    if (!fresh_) text_ += ",";
    fresh_ = false;
  }

  std::string text_;
  bool fresh_ = true;
};

}  // namespace redan
