// Commands out of a fuzzer's bytes: which one, and words as its own syntax wants them, or nearly.
// Each decision is a byte or two, so that a mutation of the input changes a word and not the rest,
// and a zero decides for less: input that ends makes commands that end.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/command/catalog.h"
#include "common/command/syntax.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {

class CommandMaker {
 public:
  // `left_out` are never made, nor those of a cluster, which there is not. Payloads for RESTORE
  // come from `dump`, which is told a key.
  CommandMaker(const CommandCatalog& catalog, std::span<const std::string_view> left_out,
               std::function<std::string(const std::string&)> dump);

  // Its keys have this tag, so that they lie in one slot. Times that it names are around `now_ms`.
  std::vector<std::string> make(Input& input, int tag, int64_t now_ms);

 private:
  struct Known {
    const CommandEntry* entry;
    std::vector<Argument> arguments;
  };

  void add_all(const std::vector<Argument>& arguments);
  void add(const Argument& argument);
  void add_word(const Argument& argument);
  void disturb();
  std::string key();
  std::string key_of(std::string_view group);
  std::string element();
  std::string integer();
  std::string real();
  std::string bound();
  std::string stream_id();
  std::string pattern();
  std::string moment(bool in_ms);
  std::string payload();

  std::vector<Known> known_;
  std::vector<uint16_t> by_number_;
  std::function<std::string(const std::string&)> dump_;

  // Of the command that is made.
  Input* input_ = nullptr;
  const CommandEntry* entry_ = nullptr;
  int tag_ = 0;
  int64_t now_ms_ = 0;
  std::vector<std::string> words_;
  size_t keys_ = 0;      // of the argument before, where that is a list of them
  size_t count_at_ = 0;  // a word that tells how many of the next argument there are; 0: none
};

}  // namespace redan::fuzz
