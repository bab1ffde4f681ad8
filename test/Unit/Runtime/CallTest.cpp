// Generic entries: results, and what is refused.
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <string>

using namespace mf::test;

namespace {
/// Operands of "affine" for two rows.
class Call : public ::testing::Test {
protected:
  OpenModel model;
  std::vector<float> xData = {1, 2, 3, 4, 5, 6}, biasData = {100, 200}, yData = std::vector<float>(6, -1);
  Tensor x{xData.data(), f32, {2, 3}}, bias{biasData.data(), f32, {2}}, y{yData.data(), f32, {2, 3}};

  mf_status call(const char *entry = "affine") {
    const DLTensor *inputs[] = {&x.tensor, &bias.tensor};
    DLTensor *outputs[] = {&y.tensor};
    return api().call(model.model, entry, inputs, 2, outputs, 1);
  }
  void expectFailure(mf_status status, const std::string &text) {
    EXPECT_EQ(call(), status);
    EXPECT_EQ(api().last_error(), text);
    EXPECT_EQ(yData, std::vector<float>(6, -1)) << "written in spite of the error";
  }
};
} // namespace

TEST_F(Call, computes) {
  ASSERT_EQ(call(), MF_OK) << api().last_error();
  EXPECT_EQ(yData, (std::vector<float>{106, 112, 118, 224, 230, 236}));
}

TEST_F(Call, takesEmptyOperandsAndByteOffsets) {
  x.tensor.byte_offset = 12;
  x.shape[0] = bias.shape[0] = y.shape[0] = 1;
  ASSERT_EQ(call(), MF_OK) << api().last_error();
  EXPECT_EQ(yData, (std::vector<float>{124, 130, 136, -1, -1, -1}));
  x.shape[0] = bias.shape[0] = y.shape[0] = 0;
  x.tensor.data = nullptr;
  EXPECT_EQ(call(), MF_OK) << api().last_error();
}

TEST_F(Call, refusesShapes) {
  x.shape[1] = 4;
  expectFailure(MF_INVALID_ARGUMENT, "entry 'affine': input 0 ('x'): extent of axis 1: expected 3, found 4");
  x.shape[1] = 3;
  bias.shape[0] = 1;
  expectFailure(MF_INVALID_ARGUMENT, "entry 'affine': input 1 ('bias'): extent of axis 0: expected 2, as 'n' is in an "
                                     "operand before, found 1");
  bias.shape[0] = 2;
  y.tensor.ndim = 1;
  expectFailure(MF_INVALID_ARGUMENT, "entry 'affine': output 0 ('y'): rank: expected 2, found 1");
}

TEST_F(Call, refusesDtypesDevicesStridesAndNulls) {
  x.tensor.dtype = {kDLBfloat, 16, 1};
  expectFailure(MF_INVALID_ARGUMENT, "entry 'affine': input 0 ('x'): dtype: expected f32, found bf16");
  x.tensor.dtype = f32;
  x.tensor.device.device_type = kDLCUDA;
  expectFailure(MF_INVALID_ARGUMENT,
                "entry 'affine': input 0 ('x'): expected a tensor on the CPU, found device type 2");
  x.tensor.device.device_type = kDLCPU;
  int64_t strides[] = {1, 2};
  x.tensor.strides = strides;
  expectFailure(MF_INVALID_ARGUMENT,
                "entry 'affine': input 0 ('x'): expected compact row-major strides, found 2 on axis "
                "1 where 1 is compact");
  x.tensor.strides = nullptr;
  x.tensor.data = nullptr;
  expectFailure(MF_INVALID_ARGUMENT, "entry 'affine': input 0 ('x'): expected data, found null");
}

TEST_F(Call, refusesCountsAndNames) {
  const DLTensor *inputs[] = {&x.tensor};
  DLTensor *outputs[] = {&y.tensor};
  EXPECT_EQ(api().call(model.model, "affine", inputs, 1, outputs, 1), MF_INVALID_ARGUMENT);
  EXPECT_STREQ(api().last_error(), "entry 'affine': expected 2 inputs, found 1");
  EXPECT_EQ(call("missing"), MF_UNSUPPORTED);
  EXPECT_STREQ(api().last_error(), "model 'fake' has no entry 'missing'; library_info lists its entries");
  EXPECT_EQ(call("step"), MF_UNSUPPORTED);
  EXPECT_STREQ(api().last_error(), "entry 'step' works on a session's sequences; use step");
}
