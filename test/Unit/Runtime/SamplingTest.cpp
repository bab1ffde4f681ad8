// Sampling: fixed by (seed, counter), of the right distribution, and never of what may not be drawn.
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

using namespace mf::test;

constexpr float infinity = std::numeric_limits<float>::infinity(), notANumber = std::numeric_limits<float>::quiet_NaN();

namespace {
class Sampling : public ::testing::Test {
protected:
  int32_t draw(uint64_t counter) {
    settings.counter = counter;
    int32_t token = -1;
    EXPECT_EQ(api().sample(session.session, &row.tensor, &settings, &token), MF_OK) << api().last_error();
    return token;
  }
  std::vector<double> frequencies(int draws) {
    std::vector<double> counts(vocabulary);
    for (int i = 0; i < draws; ++i)
      counts[size_t(draw(uint64_t(i)))] += 1.0 / draws;
    return counts;
  }
  /// Compares frequencies with weights over the ids in `kept`, by five standard deviations.
  void expectDistribution(const std::set<int32_t> &kept) {
    constexpr int draws = 20000;
    double total = 0;
    for (int32_t id : kept)
      total += std::exp(double(logits[size_t(id)]) / settings.temperature);
    std::vector<double> found = frequencies(draws);
    for (int32_t id = 0; id < vocabulary; ++id) {
      double p = kept.count(id) ? std::exp(double(logits[size_t(id)]) / settings.temperature) / total : 0;
      EXPECT_NEAR(found[size_t(id)], p, 1e-9 + 5 * std::sqrt(p * (1 - p) / draws)) << id;
    }
  }
  void expectRefused(const std::string &text) {
    int32_t token = -1;
    EXPECT_EQ(api().sample(session.session, &row.tensor, &settings, &token), MF_INVALID_ARGUMENT);
    EXPECT_EQ(api().last_error(), text);
  }

  OpenModel model;
  OpenSession session{model.model, 1, 4};
  std::vector<float> logits = {0.5f, -1, 2, 1.5f, -3, 0, 2.5f, 1, -0.5f, 0.25f, -2};
  Tensor row{logits.data(), f32, {vocabulary}};
  mf_sampling settings = {sizeof(settings), 1, 0, 1, 42, 0};
};
} // namespace

static const std::set<int32_t> all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

TEST_F(Sampling, greedyTakesTheLowestOfTheBest) {
  int32_t token = -1;
  ASSERT_EQ(api().sample(session.session, &row.tensor, nullptr, &token), MF_OK);
  EXPECT_EQ(token, 6);
  logits[3] = logits[6];
  settings.temperature = 0;
  EXPECT_EQ(draw(0), 3);
}

TEST_F(Sampling, temperature) {
  expectDistribution(all);
  settings.temperature = 0.5f;
  expectDistribution(all);
  settings.temperature = 3;
  settings.seed = 7;
  expectDistribution(all);
}

TEST_F(Sampling, topK) {
  settings.top_k = 3;
  expectDistribution({2, 3, 6});
  settings.top_k = 100;
  expectDistribution(all);
  settings.top_k = 1;
  for (uint64_t i = 0; i < 50; ++i)
    EXPECT_EQ(draw(i), 6);
}

TEST_F(Sampling, topP) {
  // The weights of 6, 2, 3, 7 are 38.2, 23.2, 14.1, 8.5 percent.
  settings.top_p = 0.62f;
  expectDistribution({2, 3, 6});
  settings.top_p = 0.61f;
  expectDistribution({2, 6});
  settings.top_p = 0.01f;
  expectDistribution({6});
  settings.top_p = 0.7f;
  settings.top_k = 3; // renormalised before: 50.6, 30.7, 18.6 percent
  expectDistribution({2, 6});
}

TEST_F(Sampling, topKOfEqualLogitsKeepsTheLowestIds) {
  std::fill(logits.begin(), logits.end(), 1.0f);
  settings.top_k = 4;
  expectDistribution({0, 1, 2, 3});
}

TEST_F(Sampling, isFixedBySeedAndCounter) {
  std::vector<int32_t> first, second;
  for (uint64_t i = 0; i < 100; ++i)
    first.push_back(draw(i));
  for (uint64_t i = 100; i-- > 0;)
    second.insert(second.begin(), draw(i));
  EXPECT_EQ(first, second);
  settings.seed = 43;
  for (uint64_t i = 0; i < 100; ++i)
    second[i] = draw(i);
  EXPECT_NE(first, second);
}

TEST_F(Sampling, neverDrawsWhatIsNoNumber) {
  logits = {notANumber, -infinity, 1, notANumber, -infinity, 1, -infinity, notANumber, 0, -infinity, notANumber};
  row.tensor.data = logits.data();
  for (int32_t topK : {0, 2, 5}) {
    settings.top_k = topK;
    expectDistribution(topK == 2 ? std::set<int32_t>{2, 5} : std::set<int32_t>{2, 5, 8});
  }
  settings.temperature = 0;
  EXPECT_EQ(draw(0), 2);
}

TEST_F(Sampling, extremes) {
  logits[4] = infinity;
  for (uint64_t i = 0; i < 20; ++i)
    EXPECT_EQ(draw(i), 4);
  logits[4] = -3;
  settings.temperature = 1e-40f;
  for (uint64_t i = 0; i < 20; ++i)
    EXPECT_EQ(draw(i), 6);
  settings.temperature = 1e38f;
  EXPECT_EQ(std::set<int32_t>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), [&] {
    std::set<int32_t> seen;
    for (uint64_t i = 0; i < 500; ++i)
      seen.insert(draw(i));
    return seen;
  }());
}

TEST_F(Sampling, refuses) {
  settings.temperature = notANumber;
  expectRefused("sampling.temperature: expected a finite number of at least 0, found nan");
  settings.temperature = 1;
  settings.top_p = 0;
  expectRefused("sampling.top_p: expected a number in (0, 1], found 0");
  settings.top_p = 1;
  settings.top_k = -1;
  expectRefused("sampling.top_k: expected at least 0, found -1");
  settings.top_k = 0;
  row.shape[0] = 10;
  expectRefused("logits: extent of axis 0: expected 11, found 10");
  row.shape[0] = vocabulary;
  std::fill(logits.begin(), logits.end(), -infinity);
  expectRefused("logits: expected a logit above minus infinity, found none");
}
