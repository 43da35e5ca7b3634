// The notation of CommandSpec::syntax: a command's arguments, written as a reader expects them and
// parsed into the tree that arity, COMMAND DOCS and help texts are computed from.
//
//   syntax   = items
//   items    = { item }
//   item     = word | TOKEN | TOKEN word | bracket
//   bracket  = '[' body ']' marks     optional
//            | '(' body ')' marks     required: a block, or a choice
//   body     = [ name ':' ' ' ] items { '|' items } [ '...' ]
//   word     = name [ ':' type ] [ '#' key-spec ] marks
//   marks    = [ '@' since ] [ '!' deprecated-since ]
//
//   key value [condition: NX|XX]@2.6.12 [GET]@6.2.0 [expiration: EX seconds:integer|KEEPTTL]
//
// - A TOKEN has no lower-case letters (or stands in quotes: `""`, `"NO ONE"`). Alone it is a pure
//   token named as itself in lower case; before a word or '(' it belongs to what follows.
// - Types: string (the default), key, integer, double, pattern, unix-time. Words named `key` and
//   `pattern` have that type.
// - The n-th word of type key belongs to key spec n; `#2` says otherwise.
// - `|` makes a choice ("oneof"); several items in one bracket make a block, named by its words
//   joined with '_' unless it has a name of its own. A name before a single word makes a block too,
//   before a single token it is the token's.
// - `key [key ...]`, `[field value ...]`: an end of `...` says that the content repeats. Where it
//   repeats what stands before the bracket, both are one argument, given at least once. A token
//   inside of the repetition is given again each time: `[GET pattern [GET pattern ...]]`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace redan {

struct Argument {
  enum class Type : uint8_t {
    kString,
    kInteger,
    kDouble,
    kKey,
    kPattern,
    kUnixTime,
    kPureToken,
    kOneOf,
    kBlock,
  };
  std::string name;
  Type type = Type::kString;
  bool has_token = false;  // the token itself may be the empty word
  std::string token = {};
  int key_spec = -1;
  std::string since = {};
  std::string deprecated_since = {};
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;           // the token is given again before each repetition
  std::vector<Argument> arguments = {};  // of a oneof or block
};

std::string_view type_name(Argument::Type type);

Result<std::vector<Argument>> parse_syntax(std::string_view syntax);

// Redis' arity: the words of a call, name included; negative where that is only the least.
// `name_words` is 1, or 2 for a subcommand.
int arity_of(std::span<const Argument> arguments, int name_words);

// For people: "key value [NX|XX] [GET] [EX seconds|KEEPTTL]", without types and versions.
std::string usage(std::span<const Argument> arguments);

}  // namespace redan
