# What `sidekiq` runs in sidekiq_test.py; it finds the server by REDIS_URL. Jobs note in the list `ran` what they did.
require "sidekiq"
require "sidekiq/launcher"

# Sidekiq's poller of scheduled jobs is a Lua script, unless its options name another one.
class NoPoller
  def enqueue_jobs; end
end

Sidekiq.options[:scheduled_enq] = NoPoller
Sidekiq::Launcher.send(:remove_const, :BEAT_PAUSE)
Sidekiq::Launcher::BEAT_PAUSE = 0.1  # Seconds between heartbeats, which bring a process its orders; 5 otherwise.

module Noting
  def note(line)
    Sidekiq.redis { |redis| redis.rpush("ran", line) }
  end
end

class Add
  include Sidekiq::Job
  include Noting

  def perform(first, second)
    note("#{first} + #{second} = #{first + second}")
  end
end

class Fragile
  include Sidekiq::Job
  include Noting
  sidekiq_options queue: "low", retry: 3

  def perform(name)
    raise "not yet" if Sidekiq.redis { |redis| redis.incr("tries:#{name}") } < 2
    note("#{name} at last")
  end
end

class Hopeless
  include Sidekiq::Job
  sidekiq_options queue: "low", retry: 0, tags: ["sad"]

  def perform
    raise ArgumentError, "never"
  end
end

# Ends when somebody pushes to the list `gate`.
class Gated
  include Sidekiq::Job
  include Noting

  def perform
    note("gate: #{Sidekiq.redis { |redis| redis.blpop("gate", timeout: 50) }.last}")
  end
end
