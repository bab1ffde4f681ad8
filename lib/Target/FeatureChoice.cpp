// Pruned weights: of each group of features the largest ones, the same for all columns of a panel.
#include "FeatureChoice.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <numeric>

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// Appends the features of one group that are kept, `squares` being those of its features.
static void chooseOfGroup(ArrayRef<double> squares, int64_t first, int64_t kept, std::vector<int16_t> &features) {
  SmallVector<int64_t> order(squares.size());
  std::iota(order.begin(), order.end(), 0);
  // Of equal ones the first.
  llvm::sort(order, [&](int64_t a, int64_t b) { return std::pair(-squares[a], a) < std::pair(-squares[b], b); });
  order.truncate(kept);
  llvm::sort(order);
  for (int64_t number : order)
    features.push_back(static_cast<int16_t>(first + number));
}

std::shared_ptr<const FeatureChoice> mlir::mf::chooseFeatures(FeaturePruningAttr pruning, ArrayRef<int64_t> shape,
                                                              const ParameterSource &weight) {
  auto choice = std::make_shared<FeatureChoice>();
  int64_t rows = shape[0], size = shape[1], group = pruning.getOf();
  choice->columns = pruning.getColumns();
  choice->numKept = pruning.getNumKept(size);
  std::vector<float> row(size);
  std::vector<double> squares(size);
  for (int64_t begin = 0; begin < rows; begin += choice->columns) {
    std::fill(squares.begin(), squares.end(), 0.0);
    for (int64_t r = begin; r < std::min(begin + choice->columns, rows); ++r) {
      weight.read(r * size, 1, size, reinterpret_cast<char *>(row.data()));
      for (int64_t i = 0; i < size; ++i)
        squares[i] += double(row[i]) * row[i];
    }
    for (int64_t first = 0; first < size; first += group)
      chooseOfGroup(ArrayRef(squares).slice(first, group), first, pruning.getKept(), choice->features);
  }
  return choice;
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

namespace {
class KeptFeaturesSource : public ParameterSource {
public:
  KeptFeaturesSource(std::unique_ptr<ParameterSource> weight, std::shared_ptr<const FeatureChoice> choice,
                     int64_t numFeatures, int64_t elementBytes)
      : weight(std::move(weight)), choice(std::move(choice)), numFeatures(numFeatures), elementBytes(elementBytes) {}

  void read(int64_t offset, int64_t stride, int64_t count, char *stored) const override {
    int64_t numKept = choice->numKept;
    while (count > 0) {
      int64_t column = offset / numKept, number = offset % numKept;
      // The elements of one feature in the columns of a panel are as far apart as in the whole weight.
      int64_t columnStep = stride / numKept, part = 1;
      if (stride % numKept == 0 && columnStep > 0)
        part = std::min(count,
                        llvm::divideCeilSigned((column / choice->columns + 1) * choice->columns - column, columnStep));
      weight->read(column * numFeatures + choice->get(column, number), columnStep * numFeatures, part, stored);
      offset += part * stride;
      stored += part * elementBytes;
      count -= part;
    }
  }

  void release() const override { weight->release(); }

private:
  std::unique_ptr<ParameterSource> weight;
  std::shared_ptr<const FeatureChoice> choice;
  int64_t numFeatures, elementBytes;
};
} // namespace

std::unique_ptr<ParameterSource> mlir::mf::keepFeatures(std::unique_ptr<ParameterSource> weight,
                                                        std::shared_ptr<const FeatureChoice> choice,
                                                        int64_t numFeatures, int64_t elementBytes) {
  return std::make_unique<KeptFeaturesSource>(std::move(weight), std::move(choice), numFeatures, elementBytes);
}

std::unique_ptr<ParameterSource> mlir::mf::getFeaturesSource(std::shared_ptr<const FeatureChoice> choice) {
  return std::make_unique<ArraySource<int16_t>>(std::shared_ptr<const std::vector<int16_t>>(choice, &choice->features));
}
