// backup: an RDB file of every primary, and nodes.json with who owned which slots.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include "clusterctl/check.h"
#include "clusterctl/console.h"
#include "clusterctl/look.h"
#include "clusterctl/output.h"
#include "clusterctl/rdb_download.h"
#include "clusterctl/verbs.h"

namespace redan {

namespace {

// In the form that redis-cli writes.
std::string nodes_json(const ClusterSnapshot& snapshot) {
  Json json;
  json.open('[');
  for (const NodeSnapshot& node : snapshot.nodes) {
    json.open('{').key("name").value(node.id().hex()).key("host").value(node.at.host);
    json.key("port").value(int64_t{node.at.port}).key("replicate");
    node.is_primary() ? json.null() : json.value(node.self.primary.hex());
    json.key("slots").open('[');
    for (const SlotRange& range : node.self.slots.ranges()) {
      json.open('[').value(int64_t{range.first.value}).value(int64_t{range.last.value}).close(']');
    }
    json.close(']').key("slots_count").value(static_cast<int64_t>(node.self.slots.size()));
    std::string flags;
    for (const std::string& flag : node.self.flags) flags += (flags.empty() ? "" : ",") + flag;
    json.key("flags").value(flags).key("current_epoch").value(node.current_epoch).close('}');
  }
  json.close(']');
  return json.take();
}

}  // namespace

int run_backup(const CommandLine& line) {
  const Result<ClusterSnapshot> snapshot = look_at_cluster(line.address(), line.access);
  if (!snapshot) return failed(snapshot.error());
  const std::filesystem::path folder = line.words()[1];
  const std::vector<const NodeSnapshot*> primaries = snapshot->primaries();
  const Console console(line);
  // A backup with holes is made, for it may be the last chance, but it does not end with 0.
  const std::vector<Finding> findings = check_cluster(*snapshot);
  for (const Finding& finding : findings) {
    if (finding.weight == Finding::Weight::kFault) warn(finding.text);
  }
  console.say("Backup of " + counted(static_cast<int64_t>(primaries.size()), "node") + " to " +
              folder.string());
  if (line.has("dry-run")) return kDone;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return failed(Error("cannot make the folder " + folder.string() + ": " + error.message()));
  }
  std::vector<std::optional<Error>> errors(primaries.size());
  std::vector<int64_t> sizes(primaries.size());
  std::vector<std::string> files(primaries.size());
  std::mutex mutex;
  // How large a file will be is not known before its end.
  Progress progress(console, "received", "bytes", -1);
  for_each_at_once(primaries.size(), [&](size_t i) {
    const NodeSnapshot& node = *primaries[i];
    files[i] = "redis-node-" + node.at.host + "-" + std::to_string(node.at.port) + "-" +
               node.id().hex() + ".rdb";
    const Result<int64_t> size = download_rdb(node.at, line.access, (folder / files[i]).string(),
                                              [&](int64_t bytes) { progress.add(bytes); });
    const std::lock_guard<std::mutex> lock(mutex);
    if (!size) {
      errors[i] = size.error();
      return;
    }
    sizes[i] = *size;
  });
  progress.end();
  for (size_t i = 0; i < primaries.size(); ++i) {
    if (!errors[i]) console.say(named(*primaries[i]) + ": " + grouped(sizes[i]) + " bytes");
  }
  bool all = true;
  for (const std::optional<Error>& each : errors) {
    if (!each) continue;
    failed(*each);
    all = false;
  }
  const std::filesystem::path json_path = folder / "nodes.json";
  std::ofstream file(json_path);
  file << nodes_json(*snapshot);
  file.close();
  if (!file) return failed(Error("cannot write " + json_path.string()));
  if (line.has("json")) {
    Json json;
    json.open('{').key("folder").value(folder.string()).key("files").open('[');
    for (size_t i = 0; i < files.size(); ++i) {
      json.open('{').key("file").value(files[i]).key("bytes").value(sizes[i]);
      json.key("ok").flag(!errors[i]).close('}');
    }
    json.close(']').key("sound").flag(sound(findings)).close('}');
    std::fputs(json.take().c_str(), stdout);
  }
  if (!all) return kFailed;
  if (!sound(findings)) {
    return failed(Error("the backup was made of a cluster that is not sound; see the warnings"));
  }
  console.say("Done; nodes.json says who owned which slots.");
  return kDone;
}

}  // namespace redan
