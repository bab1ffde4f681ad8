// The dense layer of few tokens in f32 arithmetic: weights straight from memory. Slices of features are summed in
// ascending order.
#include "DenseWeight.h"
#include "Kernels.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::mf;

/// Elements of a vector of f32, and features that are loaded before the first product.
static constexpr int64_t kVector = 4;
/// The most threads of a block.
static constexpr int64_t kStreamThreads = 256;

mf::DenseStreamShape::DenseStreamShape(LinearOp op, int64_t slice) : slice(slice) {
  DenseWeight weight(op);
  features = op.getNumWeightFeatures();
  slices = std::max<int64_t>(1, llvm::divideCeil(features, slice));
  width = weight.hasPanels() ? std::gcd(std::gcd(weight.getVector(), weight.panelColumns), kStreamColumns) : 1;
  lanes = kStreamColumns / width;
  groups = std::min(llvm::alignTo(slices, width), llvm::alignTo(kStreamThreads / lanes, width));
  bytes = slices * kStreamTokens * kStreamColumns * 4;
}

namespace {
/// Builds the kernel that streams weights: a group of threads takes a slice of the features of 4 tokens and 32 columns.
class DenseStreamKernel {
public:
  DenseStreamKernel(LinearOp op, int64_t slice, GPUKernelBuilder &k);

  void build();

private:
  SmallVector<Value> addPanels(Value feature, int64_t count, ValueRange sums);
  SmallVector<Value> addRows(Value feature, int64_t count, ValueRange sums);
  SmallVector<Value> loadX(int64_t token, Value feature, int64_t count);
  void sumSlice(Value slice);
  void storeResult(Value place);

  LinearOp op;
  GPUKernelBuilder &k;
  DenseStreamShape shape;
  DenseWeight weight;
  /// [slices, tokens, columns] in workgroup memory.
  Value parts;
  Value thread, column, firstToken, firstColumn;
  SmallVector<Value> tokens;
};
} // namespace

DenseStreamKernel::DenseStreamKernel(LinearOp op, int64_t slice, GPUKernelBuilder &k)
    : op(op), k(k), shape(op, slice), weight(op) {
  parts = k.workgroupMemory({shape.slices, kStreamTokens, kStreamColumns}, k.builder().getF32Type());
  thread = k.thread();
  column = k.mul(k.rem(thread, shape.lanes), shape.width);
  firstToken = k.mul(k.block(gpu::Dimension::y), kStreamTokens);
  firstColumn = k.mul(k.block(gpu::Dimension::x), kStreamColumns);
  Value last = k.sub(k.dim(op.getX(), 0), k.index(1));
  for (int64_t i = 0; i < kStreamTokens; ++i)
    tokens.push_back(k.min(k.add(firstToken, i), last));
}

SmallVector<Value> DenseStreamKernel::loadX(int64_t token, Value feature, int64_t count) {
  bool isAdjacent = !weight.kept && count % kVector == 0 && GPUKernelBuilder::hasAlignedRows(op.getX(), kVector);
  int64_t width = isAdjacent ? kVector : 1;
  SmallVector<Value> elements;
  for (int64_t i = 0; i < count; i += width) {
    Value place = weight.getActivation(k, k.add(firstColumn, column), k.add(feature, i));
    llvm::append_range(elements, k.elements(k.load(op.getX(), {tokens[token], place}, width), width));
  }
  return elements;
}

/// `count` features; all weights are loaded before the first product.
SmallVector<Value> DenseStreamKernel::addPanels(Value feature, int64_t count, ValueRange sums) {
  SmallVector<Value> next(sums), weights;
  for (int64_t i = 0; i < count; ++i)
    weights.push_back(
        k.loadStored(weight.memref, weight.getPlace(k, k.add(firstColumn, column), k.add(feature, i)), shape.width));
  for (int64_t token = 0; token < kStreamTokens; ++token)
    for (auto [x, w] : llvm::zip_equal(loadX(token, feature, count), weights))
      next[token] = k.fma(k.broadcast(x, shape.width), k.extend(w), next[token]);
  return next;
}

SmallVector<Value> DenseStreamKernel::addRows(Value feature, int64_t count, ValueRange sums) {
  SmallVector<Value> next(sums);
  Value loaded = k.load(weight.memref, weight.getPlace(k, k.add(firstColumn, column), feature), count);
  SmallVector<Value> weights = k.elements(loaded, count);
  for (int64_t token = 0; token < kStreamTokens; ++token)
    for (auto [x, w] : llvm::zip_equal(loadX(token, feature, count), weights))
      next[token] = k.fma(x, w, next[token]);
  return next;
}

void DenseStreamKernel::sumSlice(Value slice) {
  int64_t count = weight.hasPanels() ? kVector : weight.getVector();
  if (shape.features % count != 0 || (!weight.hasPanels() && !GPUKernelBuilder::hasAlignedRows(weight.memref, count)))
    count = 1;
  Value first = k.mul(slice, shape.slice);
  Value end = k.min(k.add(first, shape.slice), k.index(shape.features));
  SmallVector<Value> zeros(kStreamTokens, k.constant(0.0f, shape.width));
  SmallVector<Value> sums = k.loop(first, end, k.index(count), zeros, [&](Value feature, ValueRange sums) {
    return weight.hasPanels() ? addPanels(feature, count, sums) : addRows(feature, count, sums);
  });
  for (auto [token, sum] : llvm::enumerate(sums))
    k.store(sum, parts, {slice, k.index(token), column});
}

/// Adds the slices of a result in ascending order.
void DenseStreamKernel::storeResult(Value place) {
  Value row = k.div(place, kStreamColumns), inside = k.rem(place, kStreamColumns);
  Value token = k.add(firstToken, row), target = k.add(firstColumn, inside);
  Value total =
      k.loop(k.index(0), k.index(shape.slices), k.index(1), k.constant(0.0f), [&](Value slice, ValueRange total) {
         return SmallVector<Value>{k.addF(total.front(), k.load(parts, {slice, row, inside}, 1))};
       }).front();
  Value isThere = k.both(k.isBelow(token, k.dim(op.getInit(), 0)), k.isBelow(target, k.index(weight.columns)));
  k.ifThen(isThere, [&] { k.store(total, op.getInit(), {token, target}); });
}

void DenseStreamKernel::build() {
  k.loop(k.div(thread, shape.lanes), k.index(shape.slices), k.index(shape.groups),
         [&](Value slice) { sumSlice(slice); });
  k.barrier();
  k.loop(thread, k.index(kStreamTokens * kStreamColumns), k.index(shape.lanes * shape.groups),
         [&](Value place) { storeResult(place); });
}

void mf::buildGPUDenseStream(LinearOp op, int64_t slice, GPUKernelBuilder &k) {
  DenseStreamKernel(op, slice, k).build();
}
