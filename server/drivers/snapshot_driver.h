// RDB files of a node: SAVE, BGSAVE, save points, loading at start, and the snapshots that
// replication streams. One snapshot runs at a time, whoever asked for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/config/server_config.h"
#include "server/drivers/snapshot_job.h"
#include "server/drivers/snapshot_loader.h"
#include "server/session/services.h"

namespace redan {

class SnapshotDriver : public SnapshotService {
 public:
  struct Parts {
    DataLoop& loop;
    Keyspace& keyspace;
    const ServerConfig& config;
    // The replication id and offset of now; asked at the mark.
    std::function<SnapshotOrigin()> origin;
    // Hold writes back (true) until told otherwise (false): see SnapshotJob.
    std::function<void(bool)> park_writes;
    std::function<int64_t()> used_memory;
  };
  explicit SnapshotDriver(Parts parts);
  ~SnapshotDriver() override;

  // A snapshot for replicas; refused while another snapshot runs (try again when `on_idle` calls).
  // The returned job belongs to the driver and lives until `on_done` returns or stop_stream().
  struct Stream {
    std::string eof_mark;
    std::function<void(std::shared_ptr<const std::string>)> on_chunk;
    std::function<void(Result<void>)> on_done;
  };
  Result<SnapshotJob*> start_stream(Stream stream);
  void stop_stream();
  // The engine for somebody who walks the keyspace himself (a migration's slots): refused while a
  // snapshot runs. `give_up` is called if the data is about to be replaced; it releases.
  Result<void> take_engine(std::function<void()> give_up);
  void release_engine();
  // Called whenever a snapshot ended, so that somebody who was refused may try again.
  void on_idle(std::function<void()> callback);

  // SnapshotService
  Result<void> save() override;
  Result<void> begin_background_save() override;
  void schedule_background_save() override;
  bool in_progress() const override;
  bool last_save_ok() const override;
  int64_t last_save_unix_s() const override;
  Result<void> reload(const Reload& how) override;
  // The fields of INFO persistence but those on loading, which the front end writes.
  void write_info(InfoWriter& info) const override;

  // Ten times a second: save points, scheduled saves.
  void cron() override;
  // What a save point counts: Keyspace::dirty() since the last save.
  int64_t changes_since_save() const;
  // The keyspace is about to get other data (Keyspace::swap_data): a running snapshot is given up,
  // and a BGSAVE is made anew afterwards.
  void give_up_for_new_data();

  // At start, before the first command: removes temporary files that a crash left behind, then
  // loads dir/dbfilename piece by piece: load_some() until it answers false. A file that is broken
  // is an Error that ends the start.
  Result<void> begin_loading(bool is_replica);
  Result<bool> load_some();
  bool loading() const;
  uint64_t loading_total_bytes() const;  // 0 where nothing is being loaded
  uint64_t loading_loaded_bytes() const;
  // What the loaded file said; the origin's id is empty where it said nothing or there was none.
  const SnapshotFacts& loaded() const;
  // A full sync was loaded in place of it: INFO tells of the last load, whatever it was.
  void loaded_from_primary(uint64_t keys);
  // SHUTDOWN: a running BGSAVE is given up; a save is made if `save`.
  Result<void> shut_down(bool save);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace redan
