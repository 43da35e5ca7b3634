#include "server/front/redaction.h"

#include "common/base/parse.h"

namespace redan {

namespace {

class Request {
 public:
  explicit Request(std::span<const std::string_view> args) : words_(args.begin(), args.end()) {}
  size_t size() const { return words_.size(); }
  bool is(size_t i, std::string_view word) const { return iequals(words_[i], word); }
  std::string_view operator[](size_t i) const { return words_[i]; }
  void hide(size_t from, size_t count) {
    for (size_t i = from; i < from + count && i < words_.size(); ++i) words_[i] = "(redacted)";
  }
  std::vector<std::string_view> take() { return std::move(words_); }

 private:
  std::vector<std::string_view> words_;
};

// HELLO protover [AUTH username password] [SETNAME clientname]
void hide_in_hello(Request& words) {
  for (size_t i = 2; i < words.size();) {
    if (words.is(i, "AUTH")) {
      words.hide(i + 1, 2);
      i += 3;
    } else {
      i += words.is(i, "SETNAME") ? 2 : 1;
    }
  }
}

// MIGRATE host port key db timeout [COPY] [REPLACE] [AUTH password | AUTH2 username password]
// [KEYS key ...]
void hide_in_migrate(Request& words) {
  for (size_t i = 6; i < words.size() && !words.is(i, "KEYS"); ++i) {
    const size_t secrets = words.is(i, "AUTH") ? 1 : words.is(i, "AUTH2") ? 2 : 0;
    words.hide(i + 1, secrets);
    i += secrets;
  }
}

void hide_in_config(Request& words, const Registry& options) {
  for (size_t i = 2; i + 1 < words.size(); i += 2) {
    const Option* option = options.find(words[i]);
    if (option != nullptr && option->secret) words.hide(i + 1, 1);
  }
}

}  // namespace

std::vector<std::string_view> shown_words(const CommandEntry& command,
                                          std::span<const std::string_view> args,
                                          const Registry& options) {
  Request words(args);
  const std::string_view name = command.full_name;
  // A password with a blank in it, and without quotes, is one word too many. (Redis shows it.)
  if (name == "auth") words.hide(1, words.size());
  if (name == "hello") hide_in_hello(words);
  if (name == "migrate") hide_in_migrate(words);
  if (name == "config|set") hide_in_config(words, options);
  // Rules of a user hold passwords, and say who may do what.
  if (name == "acl|setuser") words.hide(2, words.size());
  return words.take();
}

}  // namespace redan
