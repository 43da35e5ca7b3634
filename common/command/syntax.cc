#include "common/command/syntax.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "common/base/parse.h"

namespace redan {
namespace {

using Type = Argument::Type;

constexpr std::pair<std::string_view, Type> kTypes[] = {
    {"string", Type::kString},        {"integer", Type::kInteger},
    {"double", Type::kDouble},        {"key", Type::kKey},
    {"pattern", Type::kPattern},      {"unix-time", Type::kUnixTime},
    {"pure-token", Type::kPureToken}, {"oneof", Type::kOneOf},
    {"block", Type::kBlock},
};

std::optional<Type> find_type(std::string_view name) {
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  return std::nullopt;
}

bool is_token(std::string_view word) {
  return std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// "@6.2.0!7.0.0" into its two halves.
struct Marks {
  std::string since;
  std::string deprecated_since;
};

Marks read_marks(std::string_view text) {
  Marks marks;
  const size_t gone = text.find('!');
  if (gone != std::string_view::npos) marks.deprecated_since = text.substr(gone + 1);
  text = text.substr(0, gone);
  if (text.starts_with('@')) marks.since = text.substr(1);
  return marks;
}

void apply(const Marks& marks, Argument& argument) {
  if (!marks.since.empty()) argument.since = marks.since;
  if (!marks.deprecated_since.empty()) argument.deprecated_since = marks.deprecated_since;
}

std::string joined_names(std::span<const Argument> arguments) {
  std::string name;
  for (const Argument& argument : arguments) {
    if (!name.empty()) name += '_';
    name += argument.name;
  }
  return name;
}

Argument block_of(std::string name, std::vector<Argument> arguments) {
  Argument block{.name = std::move(name), .type = Type::kBlock};
  if (block.name.empty()) block.name = joined_names(arguments);
  block.arguments = std::move(arguments);
  return block;
}

// What stands between two brackets.
struct Body {
  std::string name;
  std::vector<std::vector<Argument>> choices;
  bool repeats = false;
};

Argument argument_of(Body body) {
  if (body.choices.size() == 1) {
    std::vector<Argument>& items = body.choices.front();
    const bool names_token = items.size() == 1 && items.front().type == Type::kPureToken;
    if (items.size() > 1 || (!body.name.empty() && !names_token)) {
      return block_of(std::move(body.name), std::move(items));
    }
    if (!body.name.empty()) items.front().name = std::move(body.name);
    return std::move(items.front());
  }
  Argument choice{.name = std::move(body.name), .type = Type::kOneOf};
  for (std::vector<Argument>& items : body.choices) {
    choice.arguments.push_back(items.size() == 1 ? std::move(items.front())
                                                 : block_of("", std::move(items)));
  }
  if (choice.name.empty()) choice.name = joined_names(choice.arguments);
  return choice;
}

// `body` repeats the end of `before`: `key [key ...]`. Folds both into one argument.
bool fold_repetition(std::vector<Argument>& before, const Body& body) {
  if (!body.repeats || body.choices.size() != 1) return false;
  const std::vector<Argument>& items = body.choices.front();
  if (items.size() > before.size()) return false;
  const auto first = before.end() - static_cast<std::ptrdiff_t>(items.size());
  if (!std::equal(first, before.end(), items.begin(),
                  [](const Argument& a, const Argument& b) { return a.name == b.name; })) {
    return false;
  }
  if (items.size() == 1 && body.name.empty()) {
    first->multiple_token = items.front().has_token;
  } else {
    Argument block = block_of(
        body.name, {std::make_move_iterator(first), std::make_move_iterator(before.end())});
    before.erase(first, before.end());
    before.push_back(std::move(block));
  }
  before.back().multiple = true;
  return true;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Argument>> parse() {
    Result<std::vector<Argument>> items = parse_items();
    if (items && at_ != text_.size()) return fail("unexpected character");
    return items;
  }

 private:
  static constexpr int kMaxDepth = 16;

  Error fail(std::string_view what) const {
    return Error("syntax: " + std::string(what) + " at '" + std::string(text_.substr(at_)) + "'");
  }
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  std::string_view take_word() {
    const size_t start = at_;
    if (peek() == '"') at_ = std::min(text_.find('"', at_ + 1), text_.size());
    while (at_ < text_.size() &&
           std::string_view(" []()|").find(text_[at_]) == std::string_view::npos) {
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }
  bool ends_items() const {
    const char c = peek();
    return c == '\0' || c == ']' || c == ')' || c == '|' || text_.substr(at_).starts_with("...");
  }

  Result<std::vector<Argument>> parse_items() {
    std::vector<Argument> items;
    for (skip_spaces(); !ends_items(); skip_spaces()) {
      if (peek() == '[' || peek() == '(') {
        const Result<void> parsed = parse_bracket(items, std::nullopt);
        if (!parsed) return parsed.error();
        continue;
      }
      const std::string_view word = take_word();
      if (!is_token(word.substr(0, word.find_first_of("@!")))) {
        Result<Argument> argument = parse_word(word);
        if (!argument) return argument.error();
        items.push_back(argument.take());
        continue;
      }
      const Result<void> parsed = parse_token(word, items);
      if (!parsed) return parsed.error();
    }
    if (items.empty() && !text_.empty()) return fail("nothing where arguments should be");
    return items;
  }

  // A token, and the word or bracket that belongs to it.
  Result<void> parse_token(std::string_view word, std::vector<Argument>& items) {
    const size_t marks_at = word.find_first_of("@!");
    std::string token(word.substr(0, marks_at));
    if (token.size() >= 2 && token.front() == '"') token = token.substr(1, token.size() - 2);
    skip_spaces();
    if (peek() == '(') return parse_bracket(items, token);
    if (marks_at == std::string_view::npos && !ends_items() && peek() != '[') {
      const size_t before = at_;
      const std::string_view next = take_word();
      if (!is_token(next)) {
        Result<Argument> argument = parse_word(next);
        if (!argument) return argument.error();
        argument->has_token = true;
        argument->token = std::move(token);
        items.push_back(argument.take());
        return kOk;
      }
      at_ = before;
    }
    Argument argument{.name = to_lower(token), .type = Type::kPureToken, .has_token = true};
    argument.token = std::move(token);
    if (marks_at != std::string_view::npos) apply(read_marks(word.substr(marks_at)), argument);
    items.push_back(std::move(argument));
    return kOk;
  }

  // name[:type][#spec][marks]
  Result<Argument> parse_word(std::string_view word) {
    Argument argument;
    const size_t marks_at = std::min(word.find_first_of("@!"), word.size());
    apply(read_marks(word.substr(marks_at)), argument);
    std::string_view name = word.substr(0, marks_at);
    if (const size_t hash = name.find('#'); hash != std::string_view::npos) {
      const auto spec = parse_int64(name.substr(hash + 1));
      if (!spec || *spec < 0 || *spec > 3) return fail("bad key spec before");
      argument.key_spec = static_cast<int>(*spec);
      name = name.substr(0, hash);
    }
    std::string_view type = name == "key" || name == "pattern" ? name : "string";
    if (const size_t colon = name.rfind(':'); colon != std::string_view::npos) {
      type = name.substr(colon + 1);
      name = name.substr(0, colon);
    }
    const auto known = find_type(type);
    if (!known || name.empty()) return fail("bad word before");
    argument.name = name;
    argument.type = *known;
    if (argument.type == Type::kKey && argument.key_spec < 0) argument.key_spec = next_key_spec_;
    next_key_spec_ = std::max(next_key_spec_, argument.key_spec + 1);
    return argument;
  }

  Result<void> parse_bracket(std::vector<Argument>& items, std::optional<std::string> token) {
    const bool optional = peek() == '[';
    if (++depth_ > kMaxDepth) return fail("brackets too deep");
    ++at_;
    const int key_spec_before = next_key_spec_;
    Result<Body> body = parse_body();
    --depth_;
    if (!body) return body.error();
    if (peek() != (optional ? ']' : ')')) return fail("bracket not closed");
    ++at_;
    const Marks marks = read_marks(take_word());
    if (optional && fold_repetition(items, *body)) {
      next_key_spec_ = key_spec_before;  // The same keys again.
      return kOk;
    }
    const bool repeats = body->repeats;
    Argument argument = argument_of(body.take());
    apply(marks, argument);
    argument.optional = argument.optional || optional;
    if (repeats) {
      argument.multiple = true;
      argument.multiple_token = argument.has_token && argument.type != Type::kPureToken;
    }
    if (token) {
      argument.has_token = true;
      argument.token = std::move(*token);
    }
    items.push_back(std::move(argument));
    return kOk;
  }

  Result<Body> parse_body() {
    Body body;
    skip_spaces();
    const size_t start = at_;
    if (const std::string_view word = take_word(); word.size() > 1 && word.ends_with(':')) {
      body.name = word.substr(0, word.size() - 1);
    } else {
      at_ = start;
    }
    for (;;) {
      Result<std::vector<Argument>> items = parse_items();
      if (!items) return items.error();
      body.choices.push_back(items.take());
      if (peek() != '|') break;
      ++at_;
    }
    if (text_.substr(at_).starts_with("...")) {
      at_ += 3;
      body.repeats = true;
      skip_spaces();
    }
    return body;
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  int next_key_spec_ = 0;
};

struct WordCount {
  int least = 0;
  bool exact = true;
};

WordCount count_words(const Argument& argument) {
  WordCount count{.least = argument.has_token ? 1 : 0};
  switch (argument.type) {
    case Type::kPureToken:
      break;
    case Type::kOneOf: {
      int least = -1;
      for (const Argument& choice : argument.arguments) {
        const WordCount words = count_words(choice);
        count.exact = count.exact && words.exact && (least < 0 || least == words.least);
        least = least < 0 ? words.least : std::min(least, words.least);
      }
      count.least += std::max(least, 0);
      break;
    }
    case Type::kBlock:
      for (const Argument& part : argument.arguments) {
        const WordCount words = count_words(part);
        count.least += words.least;
        count.exact = count.exact && words.exact;
      }
      break;
    default:
      ++count.least;
  }
  if (argument.multiple) count.exact = false;
  if (argument.optional) count = {.least = 0, .exact = false};
  return count;
}

std::string usage_of(const Argument& argument) {
  std::string content;
  if (argument.type == Type::kOneOf) {
    for (const Argument& choice : argument.arguments) {
      if (!content.empty()) content += '|';
      content += usage_of(choice);
    }
    if (!argument.optional) content = "<" + content + ">";
  } else if (argument.type == Type::kBlock) {
    content = usage(argument.arguments);
  } else if (argument.type != Type::kPureToken) {
    content = argument.name;
  }
  std::string text = content;
  if (argument.has_token) {
    const bool quoted = argument.token.empty() || argument.token.find(' ') != std::string::npos;
    const std::string token = quoted ? '"' + argument.token + '"' : argument.token;
    text = content.empty() ? token : token + " " + content;
  }
  if (argument.multiple) text += " [" + (argument.multiple_token ? text : content) + " ...]";
  return argument.optional ? "[" + text + "]" : text;
}

}  // namespace

std::string_view type_name(Type type) {
  return kTypes[static_cast<size_t>(type)].first;
}

Result<std::vector<Argument>> parse_syntax(std::string_view syntax) {
  return Parser(syntax).parse();
}

int arity_of(std::span<const Argument> arguments, int name_words) {
  WordCount total{.least = name_words};
  for (const Argument& argument : arguments) {
    const WordCount words = count_words(argument);
    total.least += words.least;
    total.exact = total.exact && words.exact;
  }
  return total.exact ? total.least : -total.least;
}

std::string usage(std::span<const Argument> arguments) {
  std::string text;
  for (const Argument& argument : arguments) {
    if (!text.empty()) text += ' ';
    text += usage_of(argument);
  }
  return text;
}

}  // namespace redan
