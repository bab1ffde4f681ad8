// Products of matrices by a warp, and the words that they take.
#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"

using namespace mlir;
using namespace mlir::mf;

/// The bits of a vector of 32 bits.
static Value getWord(ImplicitLocOpBuilder &b, Value pair) {
  Value words = vector::BitCastOp::create(b, VectorType::get(1, b.getI32Type()), pair);
  return vector::ExtractOp::create(b, words, 0);
}

SmallVector<Value> GPUKernelBuilder::loadMatrices(Value memref, ValueRange indices, bool isTransposed) {
  constexpr int32_t matrices = 4;
  Type element = getElementTypeOrSelf(memref.getType());
  auto type = VectorType::get({matrices, 32 / static_cast<int64_t>(element.getIntOrFloatBitWidth())}, element);
  Value loaded = nvgpu::LdMatrixOp::create(b, type, memref, indices, isTransposed, matrices);
  SmallVector<Value> words;
  for (int64_t i = 0; i < matrices; ++i)
    words.push_back(getWord(b, vector::ExtractOp::create(b, loaded, i)));
  return words;
}

Value GPUKernelBuilder::getPair(Value word, Type element) {
  Value words = vector::BroadcastOp::create(b, VectorType::get(1, b.getI32Type()), word);
  return vector::BitCastOp::create(b, VectorType::get(2, element), words);
}

Value GPUKernelBuilder::loadPair(Value memref, ValueRange indices) {
  return getWord(b, loadStored(memref, indices, 2));
}

static SmallVector<Value> multiply(ImplicitLocOpBuilder &b, ValueRange x, ValueRange y, ValueRange sums,
                                   NVVM::MMATypes types, int64_t depth) {
  auto result = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, b.getF32Type()));
  Value product = NVVM::MmaOp::create(b, result, x, y, sums, ArrayRef<int64_t>{16, 8, depth},
                                      /*b1Op=*/std::nullopt, /*intOverflow=*/std::nullopt, std::array{types, types},
                                      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  SmallVector<Value> next;
  for (int64_t i = 0; i < 4; ++i)
    next.push_back(LLVM::ExtractValueOp::create(b, product, i));
  return next;
}

SmallVector<Value> GPUKernelBuilder::multiplyMatrices(ArrayRef<Value> x, ArrayRef<Value> y, ArrayRef<Value> sums,
                                                      Type element) {
  if (!element.isF16())
    return multiply(b, x, y, sums, NVVM::MMATypes::bf16, /*depth=*/16);
  // The instruction takes f16 as pairs and bf16 as words.
  auto toOperands = [&](ArrayRef<Value> words) {
    return llvm::map_to_vector(words, [&](Value word) { return getPair(word, element); });
  };
  return multiply(b, toOperands(x), toOperands(y), sums, NVVM::MMATypes::f16, /*depth=*/16);
}

SmallVector<Value> GPUKernelBuilder::multiplyWide(ArrayRef<Value> x, ArrayRef<Value> y, ArrayRef<Value> sums) {
  return multiply(b, x, y, sums, NVVM::MMATypes::tf32, /*depth=*/8);
}

/// The first part is rounded to 11 bits; what is left has 12, of which the second part has 11.
std::pair<Value, Value> GPUKernelBuilder::splitWide(Value word) {
  constexpr int64_t mask = ~int64_t(0x1fff), half = 0x1000;
  auto toBits = [&](Value x) -> Value { return arith::BitcastOp::create(b, b.getI32Type(), x); };
  auto toFloat = [&](Value x) -> Value { return arith::BitcastOp::create(b, b.getF32Type(), x); };
  Value high = andI(arith::AddIOp::create(b, word, integer(half)), mask);
  Value rest = subF(toFloat(word), toFloat(high));
  return {high, andI(toBits(rest), mask)};
}

SmallVector<Value> GPUKernelBuilder::widenElements(Value vector) {
  int64_t count = cast<VectorType>(vector.getType()).getNumElements();
  SmallVector<Value> words;
  for (Value element : elements(extend(vector), count))
    words.push_back(arith::BitcastOp::create(b, b.getI32Type(), element));
  return words;
}

Value GPUKernelBuilder::roundElements(ArrayRef<Value> scalars, Type element) {
  auto type = VectorType::get(static_cast<int64_t>(scalars.size()), element);
  return arith::TruncFOp::create(b, type, fromElements(scalars));
}

Value GPUKernelBuilder::roundPair(Value low, Value high, Type element) {
  return getWord(b, roundElements({low, high}, element));
}
