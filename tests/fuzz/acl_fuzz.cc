// An ACL file of any bytes is refused with the lines that are wrong, or read; what is written then
// makes the same users, as a file, as words of ACL SETUSER and as `user` lines of redis.conf.
#include "common/acl/directory.h"
#include "common/base/check.h"
#include "common/base/parse.h"
#include "common/config/file.h"
#include "server/command/families.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  static const ServerCommands commands(server_families());
  const std::string text(reinterpret_cast<const char*>(data), size);
  acl::Directory users(commands);
  const std::string before = users.file_text();
  if (const Result<void> read = users.replace(text, "f", false); !read) {
    REDAN_CHECK(users.file_text() == before);
    REDAN_CHECK(read.error().message().ends_with("rules was performed"));
    return 0;
  }
  const std::string written = users.file_text();
  acl::Directory from_file(commands), from_words(commands), declared(commands);
  REDAN_CHECK(from_file.replace(written, "f", false).ok());
  REDAN_CHECK(from_file.file_text() == written);
  for (const auto& [name, user] : users.users()) {
    std::vector<std::string_view> words = {"reset"};
    const std::vector<std::string> rules = user->rules();
    words.insert(words.end(), rules.begin(), rules.end());
    REDAN_CHECK(from_words.set(name, words, false).ok());
    std::vector<std::string> line = {name};
    for (const std::string& rule : rules) {
      for (const std::string_view word : split(rule, ' ')) line.emplace_back(word);
    }
    REDAN_CHECK(acl::check_declaration(line, commands).ok());
    REDAN_CHECK(declared.add_declared(line, false).ok());
  }
  REDAN_CHECK(from_words.file_text() == written);
  REDAN_CHECK(declared.file_text() == written);
  return 0;
}
