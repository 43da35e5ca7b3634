# Debian 12's packages that Redan needs, by purpose; read by quickstart.sh, tests/run.sh and the Dockerfile.
# shellcheck shell=sh disable=SC2034

BUILD_PACKAGES="g++ cmake ninja-build ccache pkg-config
  libboost1.81-dev libboost-program-options1.81-dev libssl-dev libspdlog-dev libfmt-dev libjemalloc-dev liblzf-dev libxxhash-dev
  libprotobuf-dev protobuf-compiler libgrpc++-dev protobuf-compiler-grpc"

# What a machine needs that only runs Redan; redis-tools brings redis-cli.
RUNTIME_PACKAGES="libboost-program-options1.81.0 libssl3 libspdlog1.10 libfmt9 libjemalloc2 liblzf1
  libprotobuf32 libprotobuf-lite32 libgrpc++1.51 redis-tools"

QUICKSTART_PACKAGES="$BUILD_PACKAGES redis-tools"

# Redis 7.0.15 is what the tests compare with; node is for ioredis and node-redis; of locales one is built.
TEST_PACKAGES="$BUILD_PACKAGES libgtest-dev libgmock-dev git clang-format
  redis-server redis-sentinel redis-tools python3 python3-redis python3-rq python3-yaml ruby-sidekiq
  iproute2 nftables util-linux procps docker-compose locales"
