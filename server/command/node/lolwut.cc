// LOLWUT: a drawing, another one each time, and the version. A redan is a work of two faces that
// jut out toward the field; ours is a line of them under the stars.
#include <algorithm>
#include <string>
#include <vector>

#include "common/base/parse.h"
#include "server/command/families.h"

namespace redan {
namespace {

constexpr int64_t kMostColumns = 1000;
constexpr int64_t kMostRows = 100;

// `rows` rows of `columns` characters, sky above and the wall below.
std::vector<std::string> draw(size_t columns, size_t rows, Rng& rng) {
  std::vector<std::string> picture(rows, std::string(columns, ' '));
  for (std::string& row : picture) {
    for (char& place : row) {
      if (const uint64_t star = rng.below(40); star < 2) place = star == 0 ? '*' : '.';
    }
  }
  for (size_t x = 0; x < columns;) {
    const size_t flat = std::min<size_t>(1 + rng.below(4), columns - x);
    for (size_t i = 0; i < flat; ++i) picture[rows - 1][x + i] = '_';
    x += flat;
    const size_t height = rng.below(rows) + 1;
    if (x + 2 * height > columns) {
      while (x < columns) picture[rows - 1][x++] = '_';
      break;
    }
    for (size_t y = 0; y < height; ++y) {
      std::string& row = picture[rows - 1 - y];
      const size_t left = x + y, right = x + 2 * height - 1 - y;
      row[left] = '/', row[right] = '\\';
      for (size_t i = left + 1; i < right; ++i) row[i] = rng.below(6) == 0 ? '#' : ' ';
    }
    x += 2 * height;
  }
  return picture;
}

// LOLWUT [VERSION version] [columns [rows]]. As in Redis, the programs of versions 5 and 6 insist
// on numbers (three and two of them), others take whatever comes.
Result<void> lolwut(Call& call) {
  size_t next = 1;
  size_t numbers = 0;
  if (call.arg_count() >= 3 && iequals(call.arg(1), "version")) {
    const Result<int64_t> version = integer_arg(call.arg(2));
    if (!version) return version.error();
    numbers = *version == 5 ? 3 : *version == 6 ? 2 : 0;
    next = 3;
  }
  int64_t sizes[] = {66, 7, 0};
  for (size_t i = 0; i < std::size(sizes) && next + i < call.arg_count(); ++i) {
    const Result<int64_t> size = integer_arg(call.arg(next + i));
    if (!size && i < numbers) return size.error();
    if (size) sizes[i] = *size;
  }
  const auto columns = static_cast<size_t>(std::clamp<int64_t>(sizes[0], 1, kMostColumns));
  const auto rows = static_cast<size_t>(std::clamp<int64_t>(sizes[1], 1, kMostRows));
  std::string text;
  for (const std::string& row : draw(columns, rows, call.server().rng)) text += row + '\n';
  text += "\nA line of redans, drawn for you alone. Redis ver. " REDAN_VERSION "\n";
  call.reply().verbatim("txt", text);
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "LOLWUT",
      .syntax = "[VERSION version:integer]",
      .flags = kReadOnly | kFast,
      .summary = "Displays computer art and the Redis version",
      .since = "5.0.0"},
     lolwut},
};

}  // namespace

CommandFamily<Call> lolwut_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
