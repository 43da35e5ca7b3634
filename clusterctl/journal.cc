#include "clusterctl/journal.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "clusterctl/console.h"
#include "common/base/crc64.h"
#include "common/base/parse.h"

namespace redan {

namespace {

constexpr std::string_view kHeading = "clusterctl reshard 1\n";

std::string state_folder() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
    return std::string(state) + "/redan";
  }
  const char* home = std::getenv("HOME");
  return home == nullptr ? "" : std::string(home) + "/.local/state/redan";
}

}  // namespace

std::string journal_text(const Moves& moves) {
  std::string text(kHeading);
  for (const SlotMove& move : moves) {
    text += std::to_string(move.slot.value) + " " + move.from.hex() + " " + move.to.hex() + "\n";
  }
  return text;
}

std::optional<Moves> parse_journal(const std::string& text) {
  if (!text.starts_with(kHeading) || !text.ends_with("\n")) return std::nullopt;
  Moves moves;
  for (const std::string_view row : split(std::string_view(text).substr(kHeading.size()), '\n')) {
    if (row.empty()) continue;
    const std::vector<std::string_view> words = split(row, ' ');
    if (words.size() != 3) return std::nullopt;
    const Result<Slot> slot = parse_slot(words[0]);
    const std::optional<NodeId> from = NodeId::from_hex(words[1]);
    const std::optional<NodeId> to = NodeId::from_hex(words[2]);
    if (!slot || !from || !to) return std::nullopt;
    moves.push_back({*slot, *from, *to});
  }
  return moves;
}

MoveJournal::MoveJournal(const std::string& request) {
  const std::string folder = state_folder();
  if (folder.empty()) return;
  std::ostringstream name;
  name << folder << "/reshard-" << std::hex << crc64(0, request);
  path_ = name.str();
}

std::optional<Moves> MoveJournal::unfinished() const {
  if (path_.empty()) return std::nullopt;
  std::ifstream file(path_);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return parse_journal(text.str());
}

void MoveJournal::begin(const Moves& moves) const {
  if (path_.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
  // Whole or not at all: half a plan would be taken for all of it.
  const std::string fresh = path_ + ".new";
  std::ofstream file(fresh);
  file << journal_text(moves);
  file.close();
  if (file) std::filesystem::rename(fresh, path_, error);
  if (!file || error) {
    warn("cannot write " + path_ + ": if this run is cut off, the same command plans anew");
  }
}

void MoveJournal::finished() const {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove(path_, ignored);
}

Moves still_to_do(const ClusterSnapshot& snapshot, const Moves& moves) {
  const std::set<Slot> open = snapshot.open_slots();
  Moves left;
  for (const SlotMove& move : moves) {
    const std::vector<const NodeSnapshot*> owners = snapshot.owners(move.slot);
    const NodeSnapshot* to = snapshot.find(move.to);
    const bool at_source = owners.size() == 1 && owners[0]->id() == move.from;
    const bool at_target = owners.size() == 1 && owners[0]->id() == move.to;
    if (to == nullptr || !to->reachable) continue;
    if (at_source || (at_target && open.contains(move.slot))) left.push_back(move);
  }
  return left;
}

}  // namespace redan
