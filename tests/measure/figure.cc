#include "tests/measure/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace measure {

using xensim::Json;

std::optional<double> Readings::value(const std::string& name) const {
  const auto at = values_.find(name);
  return at != values_.end() ? std::optional(at->second) : std::nullopt;
}

std::string Readings::reason(const std::string& name) const {
  const auto at = reasons_.find(name);
  return at != reasons_.end() ? at->second : "not read";
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::min(values.size(), std::max<std::size_t>(rank, 1)) - 1];
}

Outcome outcome(const Figure& figure, const std::vector<Round>& rounds) {
  Outcome result{.figure = figure};
  std::vector<double> stock;
  std::vector<double> ours;
  std::vector<double> ratios;
  for (const Round& round : rounds) {
    const auto theirs = round.stock.value(figure.name);
    const auto mine = round.xenolith.value(figure.name);
    if (theirs) stock.push_back(*theirs);
    if (mine) ours.push_back(*mine);
    if (theirs && mine && *theirs > 0) ratios.push_back(*mine / *theirs);
    if (!theirs && result.reason.empty()) {
      result.reason = "stock: " + round.stock.reason(figure.name);
    }
    if (!mine && result.reason.empty()) {
      result.reason = "xenolith: " + round.xenolith.reason(figure.name);
    }
  }
  result.rounds = rounds.size();
  if (!stock.empty()) result.stock = median(stock);
  if (!ours.empty()) result.xenolith = median(ours);
  if (ratios.empty()) {
    if (result.stock && result.xenolith && result.reason.empty()) result.reason = "stock: 0";
    return result;
  }
  result.ratio = *result.xenolith / *result.stock;
  const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
  result.spread = *result.ratio > 0 ? (*high - *low) / *result.ratio : 0;
  return result;
}

std::optional<bool> aim_met(const Outcome& outcome) {
  if (!outcome.figure.aim || !outcome.ratio) return std::nullopt;
  const double aim = *outcome.figure.aim;
  return outcome.figure.better == Better::kLower ? *outcome.ratio <= aim : *outcome.ratio >= aim;
}

namespace {

std::string number(const std::optional<double>& value) {
  if (!value) return "-";
  if (*value != 0 && std::abs(*value) < 10) return fmt::format("{:.2f}", *value);
  if (std::abs(*value) < 1000) return fmt::format("{:.1f}", *value);
  return fmt::format("{:.0f}", *value);
}

Json json_of(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string as_table(const std::vector<Outcome>& outcomes) {
  std::string text = fmt::format("{:<34} {:>8} {:>12} {:>12} {:>7} {:>7}\n", "figure", "unit",
                                 "stock", "xenolith", "ratio", "spread");
  for (const Outcome& row : outcomes) {
    text += fmt::format("{:<34} {:>8} {:>12} {:>12} {:>7} {:>7}", row.figure.name, row.figure.unit,
                        number(row.stock), number(row.xenolith), number(row.ratio),
                        row.spread ? fmt::format("{:.0f}%", *row.spread * 100) : "-");
    if (const auto met = aim_met(row)) {
      text += fmt::format("  aim {:.2f}{}", *row.figure.aim, *met ? "" : " MISSED");
    }
    if (row.ratio) {
      const bool good = row.figure.better == Better::kLower ? *row.ratio < 1 : *row.ratio > 1;
      text += good ? "" : "  (stock is better)";
    }
    if (!row.reason.empty()) text += "  " + row.reason;
    text += '\n';
  }
  return text;
}

std::string as_json(const std::vector<Outcome>& outcomes) {
  Json list = Json::array();
  for (const Outcome& row : outcomes) {
    Json entry{{"name", row.figure.name},
               {"unit", row.figure.unit},
               {"better", row.figure.better == Better::kLower ? "lower" : "higher"},
               {"stock", json_of(row.stock)},
               {"xenolith", json_of(row.xenolith)},
               {"ratio", json_of(row.ratio)},
               {"spread", json_of(row.spread)},
               {"rounds", row.rounds}};
    if (row.figure.aim) entry["aim"] = *row.figure.aim;
    if (!row.reason.empty()) entry["reason"] = row.reason;
    list.push_back(std::move(entry));
  }
  return list.dump(2) + "\n";
}

double now_ns() {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count());
}

}  // namespace measure
