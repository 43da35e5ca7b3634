// Metrics as Prometheus' text format 0.0.4:
//   PrometheusWriter out;
//   metrics.visit(out);
//   respond(out.text());
#pragma once

#include <string>
#include <string_view>

#include "common/metrics/metrics.h"

namespace redan {

class PrometheusWriter {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  void operator()(const Counter& counter);
  void operator()(const Gauge& gauge);
  // In seconds, as Prometheus wants durations.
  void operator()(const Histogram& histogram);

  const std::string& text() const { return text_; }

 private:
  void head(std::string_view name, std::string_view help, std::string_view type);

  std::string text_;
};

}  // namespace redan
