// Quantised parameters: scales from magnitudes (i8) or from a search for the least squared error (i4).
#include "Quantization.h"
#include "FloatBits.h"
#include "mf/Target/CompileError.h"
#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

using namespace mlir;
using namespace mlir::mf;

// Elements that are read at a time, and rows of a column that a search looks at.
static constexpr int64_t chunkElements = 1 << 16, sampleRows = 4096;

/// Elements of another type as f32.
static void readFloats(const ParameterSource &source, Type type, int64_t offset, int64_t stride, int64_t count,
                       float *floats) {
  if (type.isF32())
    return source.read(offset, stride, count, reinterpret_cast<char *>(floats));
  SmallVector<uint16_t, 256> bits(count);
  source.read(offset, stride, count, reinterpret_cast<char *>(bits.data()));
  if (type.isF16())
    std::transform(bits.begin(), bits.end(), floats, floatOfHalf);
  else
    std::transform(bits.begin(), bits.end(), floats, floatOfBFloat16);
}

static float roundToLimit(float x, float inverse, float limit) {
  return std::min(std::max(std::nearbyint(x * inverse), -limit), limit);
}

/// The larger of |x| and `largest`; a NaN that either is stays.
static float getLarger(float x, float largest) {
  float magnitude = std::fabs(x);
  return magnitude <= largest || std::isnan(largest) ? largest : magnitude;
}

float Quantization::getScale(int64_t element) const {
  int64_t column = element % rowLength;
  if (attribute.getAxis() == QuantizedAxis::Columns)
    return scales[column];
  int64_t group = attribute.getGroup() ? attribute.getGroup() : rowLength;
  return scales[element / rowLength * (rowLength / group) + column / group];
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

namespace {
/// The errors of the candidates for one scale.
struct ScaleSearch {
  static constexpr int64_t numCandidates = 13;
  double errors[numCandidates] = {};

  static float getScale(int64_t candidate, float largest, const Quantization &q) {
    float scale = largest / q.limit * (0.4f + 0.05f * candidate);
    return q.hasShortScales ? floatOfBFloat16(bfloat16OfFloat(scale)) : scale;
  }

  void add(const float *x, int64_t count, float largest, const Quantization &q) {
    for (int64_t candidate = 0; candidate < numCandidates; ++candidate) {
      float scale = getScale(candidate, largest, q), inverse = scale > 0.0f ? 1.0f / scale : 0.0f, sum = 0.0f;
      for (int64_t i = 0; i < count; ++i) {
        float error = x[i] - roundToLimit(x[i], inverse, q.limit) * scale;
        sum += error * error;
      }
      errors[candidate] += sum;
    }
  }

  float choose(float largest, const Quantization &q) const {
    return getScale(std::min_element(errors, errors + numCandidates) - errors, largest, q);
  }
};

/// The choice of scales for one parameter.
class ScaleChoice {
public:
  ScaleChoice(Quantization &result, const ParameterSource &elements, int64_t rows, unsigned jobs)
      : result(result), elements(elements), type(result.attribute.getElementType()), rows(rows), jobs(jobs) {}

  void run();

private:
  void forEachChunk(int64_t count, int64_t size, function_ref<void(int64_t begin, int64_t end)> body);
  void findLargestOfColumns();
  void searchColumns();
  void chooseForRows();
  void measure();
  void readRow(int64_t row, float *floats) const {
    readFloats(elements, type, row * result.rowLength, 1, result.rowLength, floats);
  }
  int64_t getSampleStep() const { return std::max<int64_t>(1, rows / sampleRows); }

  Quantization &result;
  const ParameterSource &elements;
  Type type;
  int64_t rows;
  unsigned jobs;
};
} // namespace

/// Runs `body` on chunks of `size` of [0, count), in parallel. Chunks do not depend on the number of threads.
void ScaleChoice::forEachChunk(int64_t count, int64_t size, function_ref<void(int64_t, int64_t)> body) {
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t begin; (begin = next.fetch_add(size)) < count;)
      body(begin, std::min(begin + size, count));
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < jobs; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
}

void ScaleChoice::findLargestOfColumns() {
  int64_t size = result.rowLength, chunkRows = std::max<int64_t>(1, chunkElements / size);
  std::vector<std::vector<float>> largest((rows + chunkRows - 1) / chunkRows);
  forEachChunk(rows, chunkRows, [&](int64_t begin, int64_t end) {
    std::vector<float> row(size), maxima(size, 0.0f);
    for (int64_t r = begin; r < end; ++r) {
      readRow(r, row.data());
      for (int64_t i = 0; i < size; ++i)
        maxima[i] = getLarger(row[i], maxima[i]);
    }
    largest[begin / chunkRows] = std::move(maxima);
  });
  result.scales.assign(size, 0.0f);
  for (const std::vector<float> &maxima : largest)
    for (int64_t i = 0; i < size; ++i)
      result.scales[i] = getLarger(maxima[i], result.scales[i]);
}

/// In `scales`, the largest magnitudes at first.
void ScaleChoice::searchColumns() {
  int64_t size = result.rowLength, step = getSampleStep();
  constexpr int64_t columns = 16;
  forEachChunk(size, columns, [&](int64_t begin, int64_t end) {
    std::vector<float> sample((rows + step - 1) / step * columns);
    ScaleSearch searches[columns];
    int64_t count = 0;
    for (int64_t r = 0; r < rows; r += step, ++count)
      readFloats(elements, type, r * size + begin, 1, end - begin, &sample[count * columns]);
    std::vector<float> column(count);
    for (int64_t c = begin; c < end; ++c) {
      for (int64_t r = 0; r < count; ++r)
        column[r] = sample[r * columns + c - begin];
      searches[c - begin].add(column.data(), count, result.scales[c], result);
      result.scales[c] = searches[c - begin].choose(result.scales[c], result);
    }
  });
}

void ScaleChoice::chooseForRows() {
  int64_t size = result.rowLength, group = result.attribute.getGroup() ? result.attribute.getGroup() : size;
  result.scales.resize(rows * (size / std::max<int64_t>(group, 1)));
  forEachChunk(rows, std::max<int64_t>(1, chunkElements / size), [&](int64_t begin, int64_t end) {
    std::vector<float> row(size);
    for (int64_t r = begin; r < end; ++r) {
      readRow(r, row.data());
      for (int64_t first = 0; first < size; first += group) {
        float largest = 0.0f;
        for (int64_t i = 0; i < group; ++i)
          largest = getLarger(row[first + i], largest);
        float &scale = result.scales[r * (size / group) + first / group];
        scale = largest / result.limit;
        if (result.limit == 127)
          continue;
        ScaleSearch search;
        search.add(&row[first], group, largest, result);
        scale = search.choose(largest, result);
      }
    }
  });
}

void ScaleChoice::measure() {
  int64_t size = result.rowLength, step = getSampleStep();
  double errors = 0.0, squares = 0.0;
  std::vector<float> row(size);
  for (int64_t r = 0; r < rows; r += step) {
    readRow(r, row.data());
    for (int64_t i = 0; i < size; ++i) {
      float scale = result.getScale(r * size + i), inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
      float error = row[i] - roundToLimit(row[i], inverse, result.limit) * scale;
      errors += double(error) * error;
      squares += double(row[i]) * row[i];
    }
  }
  result.relativeError = squares > 0.0 ? std::sqrt(errors / squares) : 0.0;
}

void ScaleChoice::run() {
  if (rows == 0 || result.rowLength == 0)
    return;
  if (result.attribute.getAxis() == QuantizedAxis::Rows) {
    chooseForRows();
  } else {
    findLargestOfColumns();
    if (result.limit == 127)
      for (float &scale : result.scales)
        scale /= 127.0f;
    else
      searchColumns();
  }
  measure();
}

llvm::Expected<std::shared_ptr<const Quantization>>
mlir::mf::chooseScales(ParameterOp parameter, const ParameterSource &elements, unsigned jobs) {
  auto type = cast<RankedTensorType>(parameter.getType());
  auto result = std::make_shared<Quantization>();
  result->attribute = cast<QuantizedAttr>(parameter.getSource());
  result->limit = type.getElementType().isInteger(4) ? 7 : 127;
  result->hasShortScales = parameter.getScalesType().getElementType().isBF16();
  result->rowLength = type.getShape().back();
  int64_t rows = result->rowLength == 0 ? 0 : type.getNumElements() / result->rowLength;
  ScaleChoice(*result, elements, rows, std::max(jobs, 1u)).run();
  if (!llvm::all_of(result->scales, [](float scale) { return std::isfinite(scale); }))
    return makeError(ErrorKind::InputModel, "parameter '" + parameter.getSymName() +
                                                "' cannot be quantised: it has an element that is no finite number");
  return result;
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

namespace {
class QuantizedSource : public ParameterSource {
public:
  QuantizedSource(std::unique_ptr<ParameterSource> elements, std::shared_ptr<const Quantization> quantization)
      : elements(std::move(elements)), quantization(std::move(quantization)) {}

  void read(int64_t offset, int64_t stride, int64_t count, char *stored) const override {
    const Quantization &q = *quantization;
    SmallVector<float, 256> floats(count);
    readFloats(*elements, q.attribute.getElementType(), offset, stride, count, floats.data());
    for (int64_t i = 0; i < count; ++i) {
      float scale = q.getScale(offset + i * stride);
      stored[i] = static_cast<char>(roundToLimit(floats[i], scale > 0.0f ? 1.0f / scale : 0.0f, q.limit));
    }
  }

  void release() const override { elements->release(); }

private:
  std::unique_ptr<ParameterSource> elements;
  std::shared_ptr<const Quantization> quantization;
};
} // namespace

std::unique_ptr<ParameterSource> mlir::mf::quantize(std::unique_ptr<ParameterSource> elements,
                                                    std::shared_ptr<const Quantization> quantization) {
  return std::make_unique<QuantizedSource>(std::move(elements), std::move(quantization));
}

std::unique_ptr<ParameterSource> mlir::mf::getScalesSource(std::shared_ptr<const Quantization> quantization) {
  std::shared_ptr<const std::vector<float>> scales(quantization, &quantization->scales);
  if (!quantization->hasShortScales)
    return std::make_unique<ArraySource<float>>(std::move(scales));
  // Exact: they were rounded when they were chosen.
  auto bits = std::make_shared<std::vector<uint16_t>>(scales->size());
  std::transform(scales->begin(), scales->end(), bits->begin(), bfloat16OfFloat);
  return std::make_unique<ArraySource<uint16_t>>(std::move(bits));
}
