// Drawing a token from a row of logits.
//
// The draw is a function of (seed, counter, logits, settings) alone: the uniform number in [0, 1) is the upper 53 bits
// of
//   mix(mix(seed + g) + (counter + 1) * g),   g = 0x9E3779B97F4A7C15,
// with the finaliser `mix` of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014),
// and the weights are exponentials of our own, so that no C library's rounding has a say. Top-k comes before top-p; of
// equal logits the lower id is kept first. NaN and minus infinity are never drawn.
#include "Error.h"
#include "Session.h"
#include "Tensor.h"

#include <string.h>

namespace mf::rt {

static constexpr float infinity = __builtin_inff();

static uint64_t mix(uint64_t value) {
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

static double uniform(uint64_t seed, uint64_t counter) {
  constexpr uint64_t golden = 0x9E3779B97F4A7C15;
  return double(mix(mix(seed + golden) + (counter + 1) * golden) >> 11) * 0x1p-53;
}

// 1 / 12! down to 1 / 0!.
static constexpr double inverseFactorials[] = {
    1 / 479001600.0, 1 / 39916800.0, 1 / 3628800.0, 1 / 362880.0, 1 / 40320.0, 1 / 5040.0, 1 / 720.0,
    1 / 120.0,       1 / 24.0,       1 / 6.0,       1 / 2.0,      1,           1};

/// exp(x) for x <= 0 by a Taylor series on [-ln 2 / 2, ln 2 / 2], within 2 ulp; 0 below the normal range.
static double expNonPositive(double x) {
  if (!(x > -708))
    return 0;
  int64_t power = int64_t(x * 1.4426950408889634 - 0.5);
  double rest = x - double(power) * 0x1.62e42fefa3800p-1 - double(power) * 0x1.ef35793c76730p-45;
  double sum = 0;
  for (double coefficient : inverseFactorials)
    sum = sum * rest + coefficient;
  uint64_t bits = uint64_t(power + 1023) << 52;
  double scale;
  memcpy(&scale, &bits, sizeof(scale));
  return sum * scale;
}

namespace {
/// One draw. Candidates are kept in session scratch: `order` holds a heap of ids, the most likely first, whose removed
/// heads are stored from its end downwards.
struct Draw {
  const float *logits;
  int32_t vocabulary;
  double *weights;
  int32_t *order;
  int32_t candidates = 0;

  int32_t findBest() const;
  void weigh(float best, float temperature);
  int32_t drawFromAll(double point) const;
  int32_t drawFromFirst(double point, int32_t topK, double topP);

private:
  bool isBefore(int32_t left, int32_t right) const {
    return logits[left] > logits[right] || (logits[left] == logits[right] && left < right);
  }
  void siftDown(int32_t root, int32_t size);
  /// Moves the head of a heap of `candidates - removed` ids behind it.
  void removeHead(int32_t removed);
  int32_t removedHead(int32_t index) const { return order[candidates - 1 - index]; }
};
} // namespace

int32_t Draw::findBest() const {
  int32_t best = -1;
  for (int32_t id = 0; id < vocabulary; ++id)
    if (logits[id] > (best < 0 ? -infinity : logits[best]))
      best = id;
  return best;
}

void Draw::weigh(float best, float temperature) {
  for (int32_t id = 0; id < vocabulary; ++id) {
    weights[id] = 0;
    if (!(logits[id] > -infinity))
      continue;
    // Equal infinities would have no difference.
    weights[id] = logits[id] == best ? 1 : expNonPositive((double(logits[id]) - best) / temperature);
    order[candidates++] = id;
  }
}

int32_t Draw::drawFromAll(double point) const {
  double total = 0, sum = 0;
  for (int32_t i = 0; i < candidates; ++i)
    total += weights[order[i]];
  int32_t last = order[0];
  for (int32_t i = 0; i < candidates; ++i) {
    if (weights[order[i]] == 0)
      continue;
    last = order[i];
    sum += weights[last];
    if (point * total < sum)
      break;
  }
  return last;
}

void Draw::siftDown(int32_t root, int32_t size) {
  int32_t id = order[root];
  for (int32_t child; (child = 2 * root + 1) < size; root = child) {
    if (child + 1 < size && isBefore(order[child + 1], order[child]))
      ++child;
    if (!isBefore(order[child], id))
      break;
    order[root] = order[child];
  }
  order[root] = id;
}

void Draw::removeHead(int32_t removed) {
  int32_t size = candidates - removed - 1, head = order[0];
  order[0] = order[size];
  order[size] = head;
  if (size > 0)
    siftDown(0, size);
}

int32_t Draw::drawFromFirst(double point, int32_t topK, double topP) {
  int32_t limit = topK > 0 && topK < candidates ? topK : candidates;
  double total = 0, kept = 0, sum = 0;
  for (int32_t i = 0; limit == candidates && i < candidates; ++i)
    total += weights[order[i]];
  for (int32_t root = candidates / 2 - 1; root >= 0; --root)
    siftDown(root, candidates);
  bool cut = limit < candidates;
  for (int32_t i = 0; cut && i < limit; ++i) {
    removeHead(i);
    total += weights[removedHead(i)];
  }
  int32_t count = 0;
  do {
    if (!cut)
      removeHead(count);
    kept += weights[removedHead(count++)];
  } while (count < limit && kept < topP * total);
  for (int32_t i = 0; i < count; ++i) {
    sum += weights[removedHead(i)];
    if (point * kept < sum)
      return removedHead(i);
  }
  return removedHead(0);
}

static mf_status checkSampling(const mf_sampling &sampling) {
  if (!(sampling.temperature >= 0 && sampling.temperature < infinity))
    return fail(MF_INVALID_ARGUMENT, "sampling.temperature: expected a finite number of at least 0, found %g",
                double(sampling.temperature));
  if (sampling.top_k < 0)
    return fail(MF_INVALID_ARGUMENT, "sampling.top_k: expected at least 0, found %d", sampling.top_k);
  if (!(sampling.top_p > 0 && sampling.top_p <= 1))
    return fail(MF_INVALID_ARGUMENT, "sampling.top_p: expected a number in (0, 1], found %g", double(sampling.top_p));
  return MF_OK;
}

mf_status sample(mf_session *session, const DLTensor *logits, const mf_sampling *given, int32_t *token) {
  if (!session || !token)
    return fail(MF_INVALID_ARGUMENT, "sample: %s: expected a pointer, found null", session ? "token" : "session");
  mf_sampling sampling = {sizeof(mf_sampling), 0, 0, 1, 0, 0};
  if (!copyOptions(given, sampling))
    return fail(MF_INVALID_ARGUMENT, "sample: sampling.size: expected %zu, found %zu", sizeof(sampling), given->size);
  if (mf_status status = checkSampling(sampling))
    return status;
  TensorName name = {"logits", -1, ""};
  void *data;
  if (mf_status status = checkLayout(name, logits, 1))
    return status;
  if (mf_status status = checkDtype(name, logits, dtypeF32))
    return status;
  if (mf_status status = checkExtent(name, logits, 0, session->vocabulary))
    return status;
  if (mf_status status = tensorData(name, logits, data))
    return status;
  Draw draw = {static_cast<const float *>(data), session->vocabulary, session->weights, session->order};
  int32_t best = draw.findBest();
  if (best < 0)
    return failTensor(name, "expected a logit above minus infinity, found none");
  if (sampling.temperature == 0) {
    *token = best;
    return MF_OK;
  }
  draw.weigh(draw.logits[best], sampling.temperature);
  double point = uniform(sampling.seed, sampling.counter);
  bool all = sampling.top_k == 0 && sampling.top_p == 1;
  *token = all ? draw.drawFromAll(point) : draw.drawFromFirst(point, sampling.top_k, double(sampling.top_p));
  return MF_OK;
}

} // namespace mf::rt
