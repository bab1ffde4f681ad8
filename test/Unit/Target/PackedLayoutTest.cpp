// Layouts against their definition: where each logical element lies, and that everything else is zero.
#include "mf/Target/PackedLayout.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::mf;

namespace {
struct PackedLayoutTest : public testing::Test {
  PackedLayoutTest() { context.loadDialect<MFDialect>(); }

  /// The logical index of every stored element, -1 for zeros.
  static std::vector<int64_t> expand(const PackedLayout &layout) {
    std::vector<int64_t> stored;
    for (int64_t run = 0; run * layout.getRunLength() < layout.getNumElements(); ++run) {
      PackedRun packed = layout.getRun(run);
      for (int64_t i = 0; i < layout.getRunLength(); ++i)
        stored.push_back(i < packed.count ? packed.offset + i * packed.stride : -1);
    }
    return stored;
  }

  PackedLayout get(LayoutAttrInterface layout, ArrayRef<int64_t> shape) {
    llvm::Expected<PackedLayout> packed = PackedLayout::get(layout, shape);
    EXPECT_TRUE(bool(packed));
    return std::move(*packed);
  }

  MLIRContext context;
};
} // namespace

TEST_F(PackedLayoutTest, RowsAreTheLogicalBytes) {
  for (LayoutAttrInterface layout :
       {LayoutAttrInterface(), LayoutAttrInterface(TableLayoutAttr::get(&context, 0, 1))}) {
    PackedLayout packed = get(layout, {2, 4, 3});
    EXPECT_EQ(packed.getShape(), ArrayRef<int64_t>({2, 4, 3}));
    std::vector<int64_t> stored = expand(packed);
    ASSERT_EQ(stored.size(), 24u);
    for (int64_t i = 0; i < 24; ++i)
      EXPECT_EQ(stored[i], i);
  }
}

TEST_F(PackedLayoutTest, StripsAreColumnsOfAllTables) {
  // 5 columns in strips of 2: the last strip has one column and one zero.
  const int64_t tables = 3, rows = 4, columns = 5, strip = 2;
  PackedLayout packed = get(TableLayoutAttr::get(&context, strip, 1), {tables, rows, columns});
  EXPECT_EQ(packed.getShape(), ArrayRef<int64_t>({3, tables, rows, strip}));
  std::vector<int64_t> stored = expand(packed), expected;
  for (int64_t s = 0; s < 3; ++s)
    for (int64_t k = 0; k < tables; ++k)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < strip; ++c)
          expected.push_back(s * strip + c < columns ? (k * rows + r) * columns + s * strip + c : -1);
  EXPECT_EQ(stored, expected);
}

TEST_F(PackedLayoutTest, PanelsAreTransposed) {
  for (int64_t outputs : {1, 4, 7, 8}) {
    const int64_t inputs = 3, width = 4, panels = (outputs + width - 1) / width;
    PackedLayout packed = get(PanelLayoutAttr::get(&context, width, 1, 1), {outputs, inputs});
    EXPECT_EQ(packed.getShape(), ArrayRef<int64_t>({panels, inputs, width}));
    std::vector<int64_t> expected;
    for (int64_t p = 0; p < panels; ++p)
      for (int64_t d = 0; d < inputs; ++d)
        for (int64_t c = 0; c < width; ++c)
          expected.push_back(p * width + c < outputs ? (p * width + c) * inputs + d : -1);
    EXPECT_EQ(expand(packed), expected);
  }
}

TEST_F(PackedLayoutTest, HalvesOfAStripShareBytes) {
  // 5 columns in strips of 4, two a byte: byte j holds columns j and j + 2.
  PackedLayout packed = get(TableLayoutAttr::get(&context, 4, 2), {1, 2, 5});
  EXPECT_EQ(packed.getShape(), ArrayRef<int64_t>({2, 1, 2, 2}));
  EXPECT_EQ(packed.getElementsPerByte(), 2);
  PackedRun low = packed.getRun(1, 0), high = packed.getRun(1, 1);
  EXPECT_EQ(std::tuple(low.offset, low.stride, low.count), std::tuple(5, 1, 2));
  EXPECT_EQ(std::tuple(high.offset, high.stride, high.count), std::tuple(7, 1, 2));
  EXPECT_EQ(packed.getRun(2, 0).count, 1);
  EXPECT_EQ(packed.getRun(2, 1).count, 0);
}

TEST_F(PackedLayoutTest, PanelsInterleaveFeatures) {
  // 3 outputs of 6 features, 2 columns a panel, 4 features side by side.
  PackedLayout packed = get(PanelLayoutAttr::get(&context, 2, 4, 1), {3, 6});
  EXPECT_EQ(packed.getShape(), ArrayRef<int64_t>({2, 2, 2, 4}));
  std::vector<int64_t> expected;
  for (int64_t p = 0; p < 2; ++p)
    for (int64_t block = 0; block < 2; ++block)
      for (int64_t c = 0; c < 2; ++c)
        for (int64_t j = 0; j < 4; ++j)
          expected.push_back(p * 2 + c < 3 && block * 4 + j < 6 ? (p * 2 + c) * 6 + block * 4 + j : -1);
  EXPECT_EQ(expand(packed), expected);
}
