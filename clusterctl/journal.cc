#include "clusterctl/journal.h"

#include <algorithm>
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

// A source without any slot was replaced by whoever has most of those that it was to give.
std::map<NodeId, NodeId> heirs_of_sources(const ClusterSnapshot& snapshot, const Moves& moves) {
  std::map<NodeId, std::map<NodeId, int64_t>> counts;
  for (const SlotMove& move : moves) {
    if (snapshot.owns_slots(move.from)) continue;
    const NodeSnapshot* to = snapshot.acting_for(move.to);
    for (const NodeSnapshot* owner : snapshot.owners(move.slot)) {
      if (owner != to) ++counts[move.from][owner->id()];
    }
  }
  std::map<NodeId, NodeId> heirs;
  for (const auto& [source, owners] : counts) {
    heirs[source] =
        std::max_element(owners.begin(), owners.end(), [](const auto& a, const auto& b) {
          return a.second < b.second;
        })->first;
  }
  return heirs;
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

Remainder still_to_do(const ClusterSnapshot& snapshot, const Moves& moves) {
  const std::set<Slot> open = snapshot.open_slots();
  const std::map<NodeId, NodeId> heirs = heirs_of_sources(snapshot, moves);
  Remainder rest;
  const auto replace = [&](const NodeId& named, const NodeId& acting) {
    if (named != acting) rest.replaced[named] = acting;
    return acting;
  };
  for (const SlotMove& move : moves) {
    const std::vector<const NodeSnapshot*> owners = snapshot.owners(move.slot);
    const NodeSnapshot* to = snapshot.acting_for(move.to);
    if (owners.size() != 1 || to == nullptr || !to->reachable || to->id() == move.from) {
      rest.elsewhere.add(move.slot);
      continue;
    }
    const NodeId& owner = owners[0]->id();
    if (owners[0] == to) {
      // Who gave it may still have to be told.
      const NodeSnapshot* from = snapshot.find(move.from);
      const bool there = from != nullptr && from->reachable && from->is_primary();
      if (there && open.contains(move.slot)) rest.left.push_back({move.slot, from->id(), to->id()});
    } else if (owner == move.from || (heirs.contains(move.from) && heirs.at(move.from) == owner)) {
      rest.left.push_back({move.slot, replace(move.from, owner), replace(move.to, to->id())});
    } else {
      rest.elsewhere.add(move.slot);
    }
  }
  return rest;
}

}  // namespace redan
