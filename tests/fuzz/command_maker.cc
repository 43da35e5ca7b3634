#include "tests/fuzz/command_maker.h"

#include <algorithm>
#include <optional>

#include "common/base/check.h"
#include "common/base/crc64.h"
#include "common/base/parse.h"

namespace redan::fuzz {
namespace {

constexpr size_t kNumbers = 4096;
constexpr std::string_view kIntegers[] = {"9",
                                          "99",
                                          "9999",
                                          "10000",
                                          "65536",
                                          "524287",
                                          "524288",
                                          "2147483647",
                                          "2147483648",
                                          "-2147483648",
                                          "-2147483649",
                                          "4294967295",
                                          "4294967296",
                                          "1000000000000",
                                          "4611686018427387904",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "-9223372036854775807",
                                          "-9223372036854775808",
                                          "18446744073709551615",
                                          "-0",
                                          "01",
                                          "",
                                          "x"};
constexpr std::string_view kReals[] = {
    "0",    "1",     "-1",  "0.1",  "1.5",  "-2.5", "10",  "200",    "5.0e-324", "1e308", "-1e308",
    "inf",  "-inf",  "nan", "1e17", "-0",   "3e3",  ".5",  "179.99", "-180",     "85.05", "-85.06",
    "1e-9", "86400", "x",   "",     "9e18", "0x10", "1e5", "40",     "13.361",   "38.11"};
constexpr std::string_view kBounds[] = {
    "-inf", "+inf", "(1",  "1",  "(-1.5", "0",   "5",   "-1", "-", "+",     "[e5", "(b",
    "[",    "[e70", "2.5", "-3", "(inf",  "nan", "((1", "",   "(", "1e300", "10",  "[e1"};
constexpr std::string_view kIds[] = {"-",
                                     "+",
                                     "*",
                                     "$",
                                     ">",
                                     "0",
                                     "0-0",
                                     "0-1",
                                     "5-*",
                                     "(1-1",
                                     "(5",
                                     "1",
                                     "10-*",
                                     "7",
                                     "3-18446744073709551615",
                                     "18446744073709551615-18446744073709551615",
                                     "1-",
                                     "-1",
                                     "x-1",
                                     "",
                                     "99999999999999-1"};
constexpr std::string_view kPatterns[] = {
    "*", "{0}*", "{?}string*", "[ef]*", "*->e1", "#", "*1", "e?*", "[^e]", "\\*", "[", "", "**a*"};
constexpr std::string_view kFields[] = {"u1", "u2",  "u7",  "u8",  "u31", "u32", "u63", "i1", "i5",
                                        "i8", "i16", "i32", "i33", "i64", "u64", "i65", "u0", "x8"};
constexpr std::string_view kGroups[] = {"string", "list",        "set",    "sorted-set",
                                        "hash",   "hyperloglog", "stream", "string"};
constexpr std::string_view kTypes[] = {"string", "list", "set", "zset", "hash", "stream", "x"};
constexpr std::string_view kBitOperations[] = {"AND", "OR", "XOR", "NOT", "NOR"};
constexpr std::string_view kHllSubcommands[] = {"ENCODING", "DECODE", "GETREG", "TODENSE"};
// What an argument may turn into when a command is disturbed.
constexpr std::string_view kOddWords[] = {
    "",   "0",  "-1", "COUNT", "STORE", "WITHSCORES",          "LIMIT", "MATCH", "NX",
    "XX", "GT", "*",  "BLOCK", "GET",   "9223372036854775807", "FIELDS"};

template <size_t kSize>
std::string one_of(const std::string_view (&pool)[kSize], uint8_t number) {
  return std::string(pool[number % kSize]);
}

// The one to which a number belongs stays the same whatever other names come and go, so that a
// corpus keeps its meaning when commands are added: each name bids for the number.
uint64_t bid(uint64_t name, size_t number) {
  uint64_t bits = name ^ (number * 0x9e3779b97f4a7c15U);
  bits = (bits ^ bits >> 32) * 0xd6e8feb86659fd93U;
  return bits ^ bits >> 32;
};

std::string_view pool_of(Group group) {
  switch (group) {
    case Group::kGeo:
      return "sorted-set";
    case Group::kBitmap:
      return "string";
    default:
      return group_name(group);
  }
}

bool is_name_of_reader(std::string_view word) {
  return word == "group" || word == "groupname" || word == "consumer" || word == "consumername";
}

// Of eight numbers one may mean any command, four one of those that work on data, and three one of
// those that add to it, so that there is something to work on.
bool takes_part(const CommandEntry& entry, size_t number) {
  if (number % 8 == 0) return true;
  const bool is_for_data = entry.has_keys() || entry.group == Group::kGeneric;
  if (number % 8 < 5) return is_for_data;
  return is_for_data && entry.has(kDenyOom);
}

}  // namespace

CommandMaker::CommandMaker(const CommandCatalog& catalog,
                           std::span<const std::string_view> left_out,
                           std::function<std::string(const std::string&)> dump)
    : by_number_(kNumbers), dump_(std::move(dump)) {
  for (const CommandEntry* entry : catalog.entries()) {
    if (entry->is_container() || entry->group == Group::kCluster) continue;
    if (std::ranges::find(left_out, entry->full_name) != left_out.end()) continue;
    Result<std::vector<Argument>> arguments = parse_syntax(entry->spec->syntax);
    REDAN_CHECK(arguments.ok());
    known_.push_back({entry, arguments.take()});
  }
  std::vector<uint64_t> names;
  for (const Known& known : known_) names.push_back(crc64(0, known.entry->full_name));
  for (size_t number = 0; number < kNumbers; ++number) {
    uint64_t best = 0;
    for (size_t i = 0; i < names.size(); ++i) {
      const uint64_t offer = takes_part(*known_[i].entry, number) ? bid(names[i], number) : 0;
      if (offer < best) continue;
      best = offer;
      by_number_[number] = static_cast<uint16_t>(i);
    }
  }
}

std::vector<std::string> CommandMaker::make(Input& input, int tag, int64_t now_ms) {
  const Known& known = known_[by_number_[input.word() % kNumbers]];
  input_ = &input;
  entry_ = known.entry;
  tag_ = tag;
  now_ms_ = now_ms;
  count_at_ = 0;
  keys_ = 0;
  words_.clear();
  if (entry_->container != nullptr) words_.emplace_back(entry_->container->spec->name);
  words_.emplace_back(entry_->spec->name);
  add_all(known.arguments);
  disturb();
  return std::move(words_);
}

void CommandMaker::add_all(const std::vector<Argument>& arguments) {
  for (const Argument& argument : arguments) {
    if (argument.optional && input_->byte() % 2 == 0) continue;
    size_t times = 1;
    if (argument.multiple) {
      const uint8_t more = input_->byte();
      times += more < 240 ? more % 4 : (more - 239) * 8U;
      // XREAD wants an id for each key.
      if (argument.name == "id" && keys_ > 0) times = keys_;
      keys_ = argument.type == Argument::Type::kKey ? times : 0;
    }
    const size_t count_at = std::exchange(count_at_, 0);
    for (size_t i = 0; i < times; ++i) {
      if (argument.has_token && (i == 0 || argument.multiple_token)) {
        words_.push_back(argument.token);
      }
      add(argument);
    }
    if (count_at == 0) continue;
    if (argument.multiple) {
      words_[count_at] = std::to_string(times);
    } else {
      count_at_ = count_at;
    }
  }
}

void CommandMaker::add(const Argument& argument) {
  switch (argument.type) {
    case Argument::Type::kPureToken:
      return;
    case Argument::Type::kBlock:
      return add_all(argument.arguments);
    case Argument::Type::kOneOf: {
      const Argument& one = argument.arguments[input_->byte() % argument.arguments.size()];
      if (one.has_token) words_.push_back(one.token);
      return add(one);
    }
    default:
      return add_word(argument);
  }
}

void CommandMaker::add_word(const Argument& argument) {
  const std::string_view name = argument.name;
  const Group group = entry_->group;
  if (name.starts_with("num") && name != "num-matches") {
    count_at_ = words_.size();
    words_.emplace_back("1");
  } else if (name == "serialized-value") {
    words_.push_back(payload());
  } else if (group == Group::kSortedSet &&
             (name == "min" || name == "max" || name == "start" || name == "stop")) {
    words_.push_back(bound());
  } else if (group == Group::kBitmap && name == "encoding") {
    words_.push_back(one_of(kFields, input_->byte()));
  } else if (group == Group::kBitmap && name == "operation") {
    words_.push_back(one_of(kBitOperations, input_->byte()));
  } else if (group == Group::kHyperLogLog && name == "subcommand") {
    words_.push_back(one_of(kHllSubcommands, input_->byte()));
  } else if (name == "type") {
    words_.push_back(one_of(kTypes, input_->byte()));
  } else if (group == Group::kStream && is_name_of_reader(name)) {
    words_.push_back(std::string(name.substr(0, 1)) + std::to_string(input_->byte() % 2));
  } else if (group == Group::kStream && name == "min-idle-time") {
    words_.push_back(integer());
  } else if (group == Group::kStream && argument.type == Argument::Type::kString &&
             name != "field" && name != "value") {
    words_.push_back(stream_id());
  } else if (argument.type == Argument::Type::kKey) {
    words_.push_back(key());
  } else if (argument.type == Argument::Type::kInteger) {
    words_.push_back(integer());
    if (group == Group::kBitmap && name == "offset" && input_->byte() % 4 == 1) {
      words_.back().insert(0, "#");
    }
  } else if (argument.type == Argument::Type::kDouble) {
    words_.push_back(real());
  } else if (argument.type == Argument::Type::kPattern) {
    words_.push_back(pattern());
  } else if (argument.type == Argument::Type::kUnixTime) {
    words_.push_back(moment(name.find("milli") != std::string_view::npos));
  } else {
    words_.push_back(element());
  }
}

void CommandMaker::disturb() {
  const uint8_t how = input_->byte();
  if (how >= 240 && words_.size() > 1) {
    const auto at = words_.begin() + 1 + input_->byte() % (static_cast<int>(words_.size()) - 1);
    if (how % 4 == 0) {
      words_.erase(at);
    } else if (how % 4 == 1) {
      words_.insert(at, one_of(kOddWords, input_->byte()));
    } else {
      *at = how % 4 == 2 ? element() : one_of(kOddWords, input_->byte());
    }
  }
  // As many elements as are asked for is what these answer, however many: not more than a thousand.
  if (entry_->full_name.find("randmember") == std::string::npos &&
      entry_->full_name != "hrandfield") {
    return;
  }
  for (std::string& word : words_) {
    const std::optional<int64_t> number = parse_int64(word);
    if (number && *number < -1000 && *number != INT64_MIN) word = "-1000";
  }
}

std::string CommandMaker::key_of(std::string_view group) {
  return "{" + std::to_string(tag_) + "}" + std::string(group) +
         std::to_string(input_->byte() % 4 % 3);
}

// Mostly one of the keys that hold what the command is for.
std::string CommandMaker::key() {
  const uint8_t which = input_->byte();
  const std::string_view own = pool_of(entry_->group);
  const bool is_general = std::ranges::find(kGroups, own) == std::end(kGroups);
  return key_of(is_general || which >= 224 ? kGroups[which % std::size(kGroups)] : own);
}

std::string CommandMaker::element() {
  const uint8_t which = input_->byte();
  // Mostly of a few, so that commands meet what others left.
  if (which < 96) return "e" + std::to_string(which % 8);
  if (which < 128) return "e" + std::to_string(which);
  if (which < 176) return std::to_string(which - 144);
  if (which < 192) return one_of(kIntegers, which);
  if (which < 200) return std::string((which - 191U) * 9, 'x');          // around 64 bytes
  if (which < 208) return std::string((which - 199U) * 300, 'a');        // compresses
  if (which < 216) return std::string(which - 207U, '\0') + "\xff\r\n";  // binary
  if (which < 220) return one_of(kReals, input_->byte());
  return std::string(input_->text());
}

std::string CommandMaker::integer() {
  const uint8_t which = input_->byte();
  if (which < 128) return std::to_string(which % 16);
  if (which < 160) return std::to_string(which - 168);
  if (which < 192) return std::to_string((which - 159) * 37);
  if (which < 240) return one_of(kIntegers, which);
  return std::to_string(static_cast<int16_t>(input_->word()));
}

std::string CommandMaker::real() {
  const uint8_t which = input_->byte();
  if (which < 96) return std::to_string(which % 12);
  if (which < 240) return one_of(kReals, which);
  return std::to_string(static_cast<int16_t>(input_->word()) / 64.0);
}

std::string CommandMaker::bound() {
  const uint8_t which = input_->byte();
  if (which < 96) return std::to_string(which % 12);
  if (which < 224) return one_of(kBounds, which);
  return std::string("[(").substr(which % 2, 1) + element();
}

std::string CommandMaker::stream_id() {
  const uint8_t which = input_->byte();
  if (which < 128 && entry_->full_name == "xreadgroup") return ">";
  if (which < 128) return std::to_string(which % 8) + "-" + std::to_string(which / 64);
  if (which < 176) return std::to_string(which % 16);
  return which < 252 ? one_of(kIds, which) : element();
}

std::string CommandMaker::pattern() {
  const uint8_t which = input_->byte();
  return which < 128 ? one_of(kPatterns, which) : std::string(input_->text());
}

std::string CommandMaker::moment(bool in_ms) {
  const uint8_t which = input_->byte();
  if (which >= 240) return one_of(kIntegers, which);
  const int64_t away_ms = (which - 60) * (which < 128 ? 7 : 3'600'000);
  return std::to_string((now_ms_ + away_ms) / (in_ms ? 1 : 1000));
}

// A DUMP of some key, often with a lie in it; the checksum is right in any case.
std::string CommandMaker::payload() {
  constexpr size_t kChecksumBytes = 8;
  std::string bytes = dump_(key_of(kGroups[input_->byte() % std::size(kGroups)]));
  if (bytes.size() < kChecksumBytes) return element();
  bytes.resize(bytes.size() - kChecksumBytes);
  for (int lies = input_->byte() % 4; lies > 1; --lies) {
    const size_t at = input_->word() % bytes.size();
    bytes[at] = static_cast<char>(input_->byte());
  }
  uint64_t crc = crc64(0, bytes);
  for (size_t i = 0; i < kChecksumBytes; ++i, crc >>= 8) bytes += static_cast<char>(crc & 0xff);
  return bytes;
}

}  // namespace redan::fuzz
