// How readings become medians, ratios and JSON.
#include "tests/measure/figure.h"

#include <gtest/gtest.h>

namespace measure {
namespace {

const Figure kFigure{"disk.x", "MiB/s", Better::kHigher, "about"};

Round round_of(std::optional<double> stock, std::optional<double> xenolith) {
  Round round;
  if (stock) round.stock.add("disk.x", *stock);
  if (xenolith) round.xenolith.add("disk.x", *xenolith);
  return round;
}

TEST(Outcome, TakesMediansAndTheirRatio) {
  const Outcome row = outcome(kFigure, {round_of(10, 20), round_of(12, 36), round_of(100, 50)});
  EXPECT_EQ(row.stock, 12);
  EXPECT_EQ(row.xenolith, 36);
  EXPECT_EQ(row.ratio, 3);
  EXPECT_DOUBLE_EQ(*row.spread, (3 - 0.5) / 3);
  EXPECT_EQ(row.rounds, 3U);
  EXPECT_EQ(row.reason, "");
}

TEST(Outcome, WhatOneSideCannotGiveIsNullWithAReason) {
  Round round = round_of(10, std::nullopt);
  round.xenolith.none("disk.x", "it does not start");
  const Outcome row = outcome(kFigure, {round});
  EXPECT_FALSE(row.xenolith);
  EXPECT_FALSE(row.ratio);
  EXPECT_EQ(row.reason, "xenolith: it does not start");
  const auto json = xensim::Json::parse(as_json({row}));
  ASSERT_EQ(json.size(), 1U);
  EXPECT_EQ(json[0]["name"], "disk.x");
  EXPECT_EQ(json[0]["better"], "higher");
  EXPECT_EQ(json[0]["stock"], 10);
  EXPECT_TRUE(json[0]["xenolith"].is_null());
  EXPECT_TRUE(json[0]["ratio"].is_null());
  EXPECT_EQ(json[0]["reason"], "xenolith: it does not start");
}

TEST(Outcome, ADivisionByNothingIsNoRatio) {
  const Outcome row = outcome(kFigure, {round_of(0, 3)});
  EXPECT_FALSE(row.ratio);
  EXPECT_EQ(row.reason, "stock: 0");
}

TEST(Outcome, AnAimIsMetOrMissedInItsDirection) {
  Figure lower{"disk.x", "ms", Better::kLower, "about", 0.5};
  Figure higher{"disk.x", "MiB/s", Better::kHigher, "about", 1.5};
  const Outcome half = outcome(lower, {round_of(10, 5)});
  EXPECT_EQ(aim_met(half), true);
  EXPECT_NE(as_table({half}).find("aim 0.50\n"), std::string::npos) << as_table({half});
  const Outcome more = outcome(lower, {round_of(10, 5.1)});
  EXPECT_EQ(aim_met(more), false);
  EXPECT_NE(as_table({more}).find("aim 0.50 MISSED"), std::string::npos);
  EXPECT_EQ(aim_met(outcome(higher, {round_of(10, 15)})), true);
  EXPECT_EQ(aim_met(outcome(higher, {round_of(10, 14)})), false);
  EXPECT_EQ(aim_met(outcome(higher, {round_of(0, 14)})), std::nullopt) << "no ratio";
  EXPECT_EQ(aim_met(outcome(kFigure, {round_of(10, 5)})), std::nullopt) << "no aim";
  EXPECT_EQ(xensim::Json::parse(as_json({half}))[0]["aim"], 0.5);
}

TEST(Percentile, IsTheNearestRank) {
  std::vector<double> values;
  for (int i = 1; i <= 100; ++i) values.push_back(i);
  EXPECT_EQ(percentile(values, 0.50), 50);
  EXPECT_EQ(percentile(values, 0.99), 99);
  EXPECT_EQ(percentile(values, 1), 100);
  EXPECT_EQ(percentile({7}, 0.5), 7);
  EXPECT_EQ(median({3, 1, 2, 10}), 2.5);
}

TEST(Table, SaysWhereStockIsBetter) {
  EXPECT_NE(as_table({outcome(kFigure, {round_of(10, 5)})}).find("stock is better"),
            std::string::npos);
  EXPECT_EQ(as_table({outcome(kFigure, {round_of(5, 10)})}).find("stock is better"),
            std::string::npos);
}

}  // namespace
}  // namespace measure
