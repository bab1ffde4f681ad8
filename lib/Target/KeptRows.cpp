// Pruned tables: the rows that are left, and where they are.
#include "KeptRows.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// `#mf.kept_rows`: a row of zeros, then some rows of another source.
class KeptRowsSource : public ParameterSource {
public:
  KeptRowsSource(std::unique_ptr<ParameterSource> rows, DenseElementsAttr kept, int64_t rowElements,
                 int64_t elementBytes)
      : rows(std::move(rows)), rowElements(rowElements), elementBytes(elementBytes) {
    for (auto [row, isKept] : llvm::enumerate(kept.getValues<bool>()))
      if (isKept)
        sourceRows.push_back(row);
  }

  /// Cut where a row ends.
  void read(int64_t offset, int64_t stride, int64_t count, char *stored) const override {
    while (count > 0) {
      int64_t row = offset / rowElements, column = offset % rowElements;
      int64_t part = std::min(count, llvm::divideCeilSigned(rowElements - column, stride));
      if (row == 0)
        std::memset(stored, 0, part * elementBytes);
      else
        rows->read(sourceRows[row - 1] * rowElements + column, stride, part, stored);
      offset += part * stride;
      stored += part * elementBytes;
      count -= part;
    }
  }

  void release() const override { rows->release(); }

private:
  std::unique_ptr<ParameterSource> rows;
  SmallVector<int64_t> sourceRows;
  int64_t rowElements, elementBytes;
};
} // namespace

std::unique_ptr<ParameterSource> mlir::mf::keepRows(std::unique_ptr<ParameterSource> rows, DenseElementsAttr kept,
                                                    int64_t rowElements, int64_t elementBytes) {
  return std::make_unique<KeptRowsSource>(std::move(rows), kept, rowElements, elementBytes);
}

template <typename T> static std::unique_ptr<ParameterSource> makeRowMap(DenseElementsAttr kept) {
  auto rows = std::make_shared<std::vector<T>>();
  T next = 1;
  for (bool isKept : kept.getValues<bool>())
    rows->push_back(isKept ? next++ : T(0));
  return std::make_unique<ArraySource<T>>(std::move(rows));
}

std::unique_ptr<ParameterSource> mlir::mf::getRowMapSource(DenseElementsAttr kept, Type element) {
  return element.isInteger(16) ? makeRowMap<uint16_t>(kept) : makeRowMap<uint32_t>(kept);
}
