#include "common/metrics/prometheus.h"

#include <fmt/core.h>

namespace redan {
namespace {

// Prometheus' rule for help texts: backslash and newline are escaped.
std::string escape_help(std::string_view help) {
  std::string out;
  for (const char c : help) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

double seconds(uint64_t us) {
  return static_cast<double>(us) / 1e6;
}

}  // namespace

void PrometheusWriter::head(std::string_view name, std::string_view help, std::string_view type) {
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escape_help(help), name, type);
}

void PrometheusWriter::operator()(const Counter& counter) {
  head(counter.name, counter.help, "counter");
  text_ += fmt::format("{} {}\n", counter.name, counter.value());
}

void PrometheusWriter::operator()(const Gauge& gauge) {
  head(gauge.name, gauge.help, "gauge");
  text_ += fmt::format("{} {}\n", gauge.name, gauge.value());
}

void PrometheusWriter::operator()(const Histogram& histogram) {
  head(histogram.name, histogram.help, "histogram");
  // The total is read first: a value recorded meanwhile must not make a bucket exceed it.
  uint64_t below = 0;
  const uint64_t total = histogram.count();
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    below = std::min(total, below + histogram.in_bucket(i));
    text_ += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", histogram.name,
                         seconds(Histogram::bound_us(i)), below);
  }
  text_ += fmt::format("{}_bucket{{le=\"+Inf\"}} {}\n", histogram.name, total);
  text_ += fmt::format("{}_sum {}\n", histogram.name, seconds(histogram.sum_us()));
  text_ += fmt::format("{}_count {}\n", histogram.name, total);
}

}  // namespace redan
