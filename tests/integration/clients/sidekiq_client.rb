# The application's side of sidekiq_test.py: ruby sidekiq_client.rb STEP prints what the step saw, as JSON.
require_relative "sidekiq_jobs"
require "sidekiq/api"

# Pushes every way the client has.
def push
  hour, day = 3600, 86_400
  {
    one: Sidekiq::Client.push("class" => "Add", "args" => [1, 2], "jid" => "one"),
    bulk: Sidekiq::Client.push_bulk("class" => Add, "queue" => "bulk", "args" => (1..120).map { |i| [i, 1000] }).size,
    typed: Add.perform_bulk([[10, 1], [10, 2]]).size,
    queue: Add.set(queue: "low").perform_async(3, 4).size,
    fragile: Fragile.perform_async("glass").size,
    hopeless: Hopeless.perform_async.size,
    hour: Sidekiq::Client.push("class" => "Add", "args" => [5, 6], "at" => Time.now.to_f + hour, "jid" => "hour"),
    day: Sidekiq::Client.push("class" => "Add", "args" => [7, 8], "at" => Time.now.to_f + day, "jid" => "day"),
    in: Add.perform_in(2 * hour, 9, 9).size,
    at: Add.perform_at(Time.now + 3 * hour, 8, 8).size,
    past: Add.perform_in(-1, 0, 1).size,  # At once.
    resque: Sidekiq::Client.enqueue_to_in("low", 2 * day, Add, 6, 6).size,
    via: Sidekiq::Client.via(ConnectionPool.new { Redis.new(url: ENV["REDIS_URL"]) }) { Add.perform_async(2, 2) }.size
  }
end

def stats
  found = Sidekiq::Stats.new
  { processed: found.processed, failed: found.failed, enqueued: found.enqueued, scheduled: found.scheduled_size,
    retries: found.retry_size, dead: found.dead_size, processes: found.processes_size, busy: found.workers_size,
    queues: found.queues.sort, recently: Sidekiq::Stats::History.new(2).processed.values.sum }
end

def look
  schedule = Sidekiq::ScheduledSet.new
  { stats: stats, queues: Sidekiq::Queue.all.map { |queue| [queue.name, queue.size, queue.latency >= 0] },
    bulk: Sidekiq::Queue.new("bulk").map(&:args), default: Sidekiq::Queue.new.map { |job| [job.klass, job.args] },
    found: Sidekiq::Queue.new.find_job("one").args, none: Sidekiq::Queue.new.find_job("none"),
    schedule: schedule.map { |job| [job.queue, job.args] }, scan: schedule.scan("hour").map(&:jid),
    day: schedule.find_job("day").at > Time.now + 86_000 }
end

# Moves jobs between queues and sets.
def edit
  schedule = Sidekiq::ScheduledSet.new
  schedule.find_job("hour").add_to_queue
  schedule.find_job("day").reschedule(Time.now + 60)
  { first: schedule.min_by(&:score).jid, deleted: schedule.select { |job| job.args == [9, 9] }.map(&:delete),
    killed: schedule.select { |job| job.args == [8, 8] }.map(&:kill),
    dead: Sidekiq::DeadSet.new.map { |job| [job.klass, job.args] },
    gone: Sidekiq::Queue.new("bulk").first(2).map(&:delete), size: Sidekiq::Queue.new("bulk").size,
    cleared: Add.set(queue: "scrap").perform_async(1, 1) && Sidekiq::Queue.new("scrap").clear,
    queues: Sidekiq::Queue.all.map(&:name) }
end

def failures
  { retries: Sidekiq::RetrySet.new.map { |job| [job.klass, job.args, job["error_message"], job["retry_count"]] },
    dead: Sidekiq::DeadSet.new.map { |job| [job.klass, job.tags, job["error_class"], job.error?] } }
end

def try_again
  Sidekiq::RetrySet.new.retry_all
  Sidekiq::DeadSet.new.each { |job| job.retry if job.klass == "Hopeless" }
  Sidekiq::RetrySet.new.size
end

def gated
  Gated.perform_async.size
end

def processes
  { processes: Sidekiq::ProcessSet.new.map { |one| [one["queues"], one["concurrency"], one["busy"], one.stopping?] },
    threads: Sidekiq::ProcessSet.new.total_concurrency,
    work: Sidekiq::WorkSet.new.map { |_, _, work| [work["queue"], work["payload"]["class"]] } }
end

def quiet
  Sidekiq::ProcessSet.new.each(&:quiet!)
end

def stop
  Sidekiq::ProcessSet.new.each(&:stop!)
end

def clear
  Sidekiq::Stats.new.reset
  [Sidekiq::DeadSet, Sidekiq::RetrySet, Sidekiq::ScheduledSet].each { |set| set.new.clear }
  Sidekiq::Queue.all.each(&:clear)
  stats
end

Sidekiq.logger.level = Logger::WARN
puts JSON.generate(send(ARGV.fetch(0)))
