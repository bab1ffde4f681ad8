// What the kernels of GPUs are written with.
#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Codegen/CPU/VectorMath.h"
#include "mf/Codegen/Strategy/GPUStrategies.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value GPUKernelBuilder::integer(int64_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}

Value GPUKernelBuilder::constant(float value, int64_t width) {
  TypedAttr element = b.getF32FloatAttr(value);
  if (width > 1)
    element = DenseElementsAttr::get(VectorType::get(width, b.getF32Type()), Attribute(element));
  return arith::ConstantOp::create(b, element);
}

Value GPUKernelBuilder::dim(Value memref, int64_t dimension) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dimension))
    return index(type.getDimSize(dimension));
  return memref::DimOp::create(b, memref, index(dimension));
}

Value GPUKernelBuilder::loadUnsigned(Value memref, ValueRange indices) {
  Value element = memref::LoadOp::create(b, memref, indices);
  return arith::IndexCastUIOp::create(b, b.getIndexType(), element);
}

Value GPUKernelBuilder::loadClamped(Value memref, ValueRange indices, Value size) {
  Value element = arith::IndexCastOp::create(b, b.getIndexType(), memref::LoadOp::create(b, memref, indices));
  Value last = sub(size, index(1));
  Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, element, index(0));
  return select(isNegative, index(0), select(isBelow(element, last), element, last));
}

Value GPUKernelBuilder::fma(Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }

Value GPUKernelBuilder::sqrt(Value x) { return math::SqrtOp::create(b, x); }

Value GPUKernelBuilder::broadcast(Value scalar, int64_t width) {
  return width == 1 ? scalar : vector::BroadcastOp::create(b, VectorType::get(width, scalar.getType()), scalar);
}

Value GPUKernelBuilder::maxF(Value x, Value y) { return buildMax(b, b.getLoc(), x, y); }

SmallVector<Value> GPUKernelBuilder::exp2OfDifference(ValueRange xs) {
  return buildExp2OfDifference(b, b.getLoc(), xs, /*fma=*/true);
}

SmallVector<Value> GPUKernelBuilder::elements(Value vector, int64_t width) {
  if (width == 1)
    return {vector};
  SmallVector<Value> scalars;
  for (int64_t i = 0; i < width; ++i)
    scalars.push_back(vector::ExtractOp::create(b, vector, i));
  return scalars;
}

Value GPUKernelBuilder::fromElements(ArrayRef<Value> scalars) {
  if (scalars.size() == 1)
    return scalars.front();
  auto type = VectorType::get(static_cast<int64_t>(scalars.size()), scalars.front().getType());
  return vector::FromElementsOp::create(b, type, scalars);
}

Value GPUKernelBuilder::addElements(Value vector, int64_t width) {
  if (width == 1)
    return vector;
  Value sum = vector::ExtractOp::create(b, vector, 0);
  for (int64_t i = 1; i < width; ++i)
    sum = addF(sum, vector::ExtractOp::create(b, vector, i));
  return sum;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value GPUKernelBuilder::widen(Value byte, bool isSigned) {
  if (isSigned)
    return arith::ExtSIOp::create(b, b.getI32Type(), byte);
  return arith::ExtUIOp::create(b, b.getI32Type(), byte);
}

Value GPUKernelBuilder::toFloat(Value x) {
  Type type = b.getF32Type();
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    type = vector.clone(type);
  return arith::SIToFPOp::create(b, type, x);
}

Value GPUKernelBuilder::toBytes(Value word) {
  Value vector = vector::BroadcastOp::create(b, VectorType::get(1, b.getI32Type()), word);
  return vector::BitCastOp::create(b, VectorType::get(4, b.getI8Type()), vector);
}

Value GPUKernelBuilder::toWord(Value bytes) { return getWords(bytes).front(); }

SmallVector<Value> GPUKernelBuilder::getWords(Value bytes) {
  int64_t count = cast<VectorType>(bytes.getType()).getNumElements() / 4;
  Value words = vector::BitCastOp::create(b, VectorType::get(count, b.getI32Type()), bytes);
  SmallVector<Value> scalars;
  for (int64_t i = 0; i < count; ++i)
    scalars.push_back(vector::ExtractOp::create(b, words, i));
  return scalars;
}

SmallVector<Value> GPUKernelBuilder::rotate(Value vector, Value first) {
  auto type = cast<VectorType>(vector.getType());
  int64_t width = type.getElementTypeBitWidth(), bits = width * type.getNumElements();
  Type word = b.getIntegerType(bits);
  auto constant = [&](int64_t value) { return arith::ConstantOp::create(b, b.getIntegerAttr(word, value)); };
  Value x = vector::ExtractOp::create(b, vector::BitCastOp::create(b, VectorType::get(1, word), vector), 0);
  Value shift = arith::MulIOp::create(b, arith::IndexCastUIOp::create(b, word, first), constant(width));
  // In two steps: a shift by all bits has no value.
  Value rest = arith::SubIOp::create(b, constant(bits - 1), shift);
  Value high = arith::ShLIOp::create(b, arith::ShLIOp::create(b, x, constant(1)), rest);
  Value turned = arith::OrIOp::create(b, arith::ShRUIOp::create(b, x, shift), high);
  Value spread = vector::BroadcastOp::create(b, VectorType::get(1, word), turned);
  return elements(vector::BitCastOp::create(b, type, spread), type.getNumElements());
}

Value GPUKernelBuilder::dot4(Value x, Value y, Value sum) {
  auto sign = NVVM::DotAccumulateType::SIGNED;
  return NVVM::DotAccumulate4WayOp::create(b, b.getI32Type(), x, sign, y, sign, sum);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static int64_t getVectorAlignment(VectorType type) {
  return std::min<int64_t>(type.getNumElements() * type.getElementTypeBitWidth() / 8, kThreadBytes);
}

Value GPUKernelBuilder::loadStored(Value memref, ValueRange indices, int64_t width) {
  if (width == 1)
    return memref::LoadOp::create(b, memref, indices);
  auto type = VectorType::get(width, getElementTypeOrSelf(memref.getType()));
  auto load = vector::LoadOp::create(b, type, memref, indices);
  // Without it the access becomes one per element.
  load->setAttr("alignment", b.getI64IntegerAttr(getVectorAlignment(type)));
  return load;
}

Value GPUKernelBuilder::extend(Value stored) {
  return buildExtendToF32(b, b.getLoc(), stored, /*halfConversions=*/true);
}

Value GPUKernelBuilder::load(Value memref, ValueRange indices, int64_t width) {
  return extend(loadStored(memref, indices, width));
}

void GPUKernelBuilder::store(Value value, Value memref, ValueRange indices) {
  auto type = dyn_cast<VectorType>(value.getType());
  if (!type) {
    memref::StoreOp::create(b, value, memref, indices);
    return;
  }
  auto store = vector::StoreOp::create(b, value, memref, indices);
  store->setAttr("alignment", b.getI64IntegerAttr(getVectorAlignment(type)));
}

void GPUKernelBuilder::storeRounded(Value value, Value memref, ValueRange indices) {
  Type element = getElementTypeOrSelf(memref.getType());
  store(buildRoundFromF32(b, b.getLoc(), value, element, /*halfConversions=*/true), memref, indices);
}

bool GPUKernelBuilder::hasAlignedRows(Value memref, int64_t width) {
  auto type = cast<MemRefType>(memref.getType());
  // Every stride of a compact memref is a multiple of the size of a row.
  if (type.getLayout().isIdentity())
    return type.getRank() < 2 || (!type.isDynamicDim(type.getRank() - 1) && type.getShape().back() % width == 0);
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) || ShapedType::isDynamic(offset) || offset % width != 0 ||
      strides.back() != 1)
    return false;
  return llvm::all_of(ArrayRef(strides).drop_back(),
                      [&](int64_t stride) { return !ShapedType::isDynamic(stride) && stride % width == 0; });
}

Value GPUKernelBuilder::workgroupMemory(ArrayRef<int64_t> shape, Type element, int64_t begin) {
  Attribute space = gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  auto bytes = MemRefType::get({0}, b.getI8Type(), MemRefLayoutAttrInterface(), space);
  Value memory = memref::GetGlobalOp::create(b, bytes, kWorkgroupMemory);
  auto type = MemRefType::get(shape, element, MemRefLayoutAttrInterface(), space);
  return memref::ViewOp::create(b, type, memory, index(begin), ValueRange());
}

void GPUKernelBuilder::copyAsync(Value source, ValueRange from, Value destination, ValueRange to, int64_t elements) {
  copyCounted(source, from, destination, to, elements, /*counted=*/Value());
}

void GPUKernelBuilder::copyCounted(Value source, ValueRange from, Value destination, ValueRange to, int64_t elements,
                                   Value counted) {
  Type token = nvgpu::DeviceAsyncTokenType::get(b.getContext());
  nvgpu::DeviceAsyncCopyOp::create(b, token, destination, to, source, from, b.getIndexAttr(elements), counted,
                                   /*bypassL1=*/b.getUnitAttr());
}

void GPUKernelBuilder::closeCopies() { NVVM::CpAsyncCommitGroupOp::create(b); }

void GPUKernelBuilder::awaitCopies(int64_t groups) {
  NVVM::CpAsyncWaitGroupOp::create(b, static_cast<uint32_t>(groups));
}

void GPUKernelBuilder::initBarrier(Value barriers, Value barrier, int64_t count) {
  MBarrierInitOp::create(b, barriers, barrier, count);
}

void GPUKernelBuilder::expectBytes(Value barriers, Value barrier, int64_t bytes) {
  MBarrierExpectOp::create(b, barriers, barrier, bytes);
}

void GPUKernelBuilder::awaitBarrier(Value barriers, Value barrier, Value parity) {
  MBarrierWaitOp::create(b, barriers, barrier, toI32(parity));
}

void GPUKernelBuilder::copyBulk(Value source, ValueRange from, Value destination, ValueRange to, int64_t elements,
                                Value barriers, Value barrier, int64_t blocks) {
  IntegerAttr mask = blocks > 1 ? b.getI32IntegerAttr((1 << blocks) - 1) : IntegerAttr();
  BulkCopyOp::create(b, source, from, destination, to, barriers, barrier, elements, mask);
}

void GPUKernelBuilder::clusterArrive() { NVVM::ClusterArriveOp::create(b, /*aligned=*/UnitAttr()); }

void GPUKernelBuilder::clusterWait() { NVVM::ClusterWaitOp::create(b, /*aligned=*/UnitAttr()); }

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

Value GPUKernelBuilder::shuffle(Value x, Value lane) {
  return gpu::ShuffleOp::create(b, x, lane, integer(kWarpThreads), gpu::ShuffleMode::IDX).getShuffleResult();
}

Value GPUKernelBuilder::shuffleXor(Value x, int64_t mask) {
  return gpu::ShuffleOp::create(b, x, integer(mask), integer(kWarpThreads), gpu::ShuffleMode::XOR).getShuffleResult();
}

Value GPUKernelBuilder::computeHere(Value index) {
  return arith::IndexCastUIOp::create(b, b.getIndexType(), shuffleXor(toI32(index), 0));
}

Value GPUKernelBuilder::ballot(Value predicate) {
  return NVVM::VoteSyncOp::create(b, b.getI32Type(), integer(-1), predicate, NVVM::VoteSyncKind::ballot);
}

Value GPUKernelBuilder::warpSum(Value x) {
  for (int64_t mask = kWarpThreads / 2; mask > 0; mask /= 2)
    x = addF(x, shuffleXor(x, mask));
  return x;
}

Value GPUKernelBuilder::warpMax(Value x) {
  for (int64_t mask = kWarpThreads / 2; mask > 0; mask /= 2)
    x = maxF(x, shuffleXor(x, mask));
  return x;
}

Value GPUKernelBuilder::warpMaxOfIntegers(Value x) {
  for (int64_t mask = kWarpThreads / 2; mask > 0; mask /= 2)
    x = max(x, shuffleXor(x, mask));
  return x;
}

Value GPUKernelBuilder::isAny(Value predicate) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, ballot(predicate), integer(0));
}

void GPUKernelBuilder::warpBarrier() { NVVM::SyncWarpOp::create(b, integer(-1)); }

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

SmallVector<Value> GPUKernelBuilder::loop(Value from, Value to, Value step, ValueRange initial,
                                          function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, from, to, step, initial, [&](OpBuilder &, Location, Value i, ValueRange carried) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(i.getParentBlock());
    scf::YieldOp::create(b, body(i, carried));
  });
  return llvm::to_vector(ValueRange(loop.getResults()));
}

void GPUKernelBuilder::loop(Value from, Value to, Value step, function_ref<void(Value)> body) {
  loop(from, to, step, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

void GPUKernelBuilder::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  body();
}

SmallVector<Value> GPUKernelBuilder::choose(Value condition, function_ref<SmallVector<Value>()> body,
                                            ValueRange otherwise) {
  return choose(condition, body, [&] { return SmallVector<Value>(otherwise); });
}

SmallVector<Value> GPUKernelBuilder::choose(Value condition, function_ref<SmallVector<Value>()> body,
                                            function_ref<SmallVector<Value>()> otherwise) {
  auto build = [&](function_ref<SmallVector<Value>()> side) {
    return [this, side](OpBuilder &, Location) {
      OpBuilder::InsertionGuard guard(b);
      scf::YieldOp::create(b, side());
    };
  };
  auto branch = scf::IfOp::create(b, condition, build(body), build(otherwise));
  return llvm::to_vector(ValueRange(branch.getResults()));
}
