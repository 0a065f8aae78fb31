// What is measured: a name, a unit and a direction for each figure, the readings of both programs
// round by round, and how they come out: medians, their ratio, and how far the rounds differ.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/xensim/machine.h"

namespace measure {

using xensim::Program;

enum class Better { kLower, kHigher };

/// Named group.what[.how]; `about` is one line for a person.
struct Figure {
  std::string name;
  std::string unit;
  Better better = Better::kLower;
  std::string about;
  std::optional<double> aim{};  // the ratio to stock that we want, or better
};

/// What one program gave in one round.
class Readings {
 public:
  void add(const std::string& name, double value) { values_[name] = value; }
  /// A figure that this program cannot give, and why.
  void none(const std::string& name, const std::string& reason) { reasons_[name] = reason; }
  std::optional<double> value(const std::string& name) const;
  std::string reason(const std::string& name) const;

 private:
  std::map<std::string, double> values_;
  std::map<std::string, std::string> reasons_;
};

/// Figures that are taken together, on one or several fresh machines of the program.
struct Group {
  std::string name;
  std::vector<Figure> figures;
  std::function<void(const Program& program, Readings& readings)> run;
};

Group start_group();
Group memory_group();
Group ioreq_group();
Group vga_group();
Group disk_group();
Group idle_group();
Group display_group();
Group lifecycle_group();

/// One figure, all rounds.
struct Outcome {
  Figure figure;
  std::optional<double> stock;     // median
  std::optional<double> xenolith;  // median
  std::optional<double> ratio;     // xenolith / stock
  std::optional<double> spread;    // (largest - smallest ratio of a round) / ratio
  std::size_t rounds = 0;
  std::string reason;  // why one of them is not there
};

struct Round {
  Readings stock;
  Readings xenolith;
};

Outcome outcome(const Figure& figure, const std::vector<Round>& rounds);
double median(std::vector<double> values);
/// Whether the aim is met; nothing without an aim, or without a ratio.
std::optional<bool> aim_met(const Outcome& outcome);
/// `share` of 0.99 is the 99th percentile.
double percentile(std::vector<double> values, double share);

std::string as_table(const std::vector<Outcome>& outcomes);
std::string as_json(const std::vector<Outcome>& outcomes);

/// Monotonic, nanoseconds.
double now_ns();

}  // namespace measure
