// What the kernels of the CPU are written with: loads and stores of f32 pieces, counted loops, buffers on the stack.
#include "mf/Codegen/CPU/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::mf;

SmallVector<Piece> mf::splitIntoPieces(int64_t size, int64_t lanes) {
  SmallVector<Piece> pieces;
  int64_t offset = 0;
  for (int64_t width = lanes; width > 0; width /= 2)
    for (; offset + width <= size; offset += width)
      pieces.push_back({offset, width});
  return pieces;
}

static CPUTargetAttr getTarget(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  return module ? module->getAttrOfType<CPUTargetAttr>("mf.target") : CPUTargetAttr();
}

KernelBuilder::KernelBuilder(Operation *op, int64_t lanes)
    : b(op->getLoc(), op), scope(op->getParentOfType<FunctionOpInterface>()), lanes(lanes) {
  target = getTarget(op);
  if (target) {
    fma = target.getFma();
    // Every x86 with fused products converts f16, and so does AArch64.
    halfConversions = fma || target.getTriple().starts_with("aarch64");
  }
}

bool KernelBuilder::hasFeature(StringRef name) const { return target && target.hasFeature(name); }

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value KernelBuilder::constant(float value, int64_t width) {
  TypedAttr element = b.getF32FloatAttr(value);
  if (width > 1)
    element = DenseElementsAttr::get(VectorType::get(width, b.getF32Type()), Attribute(element));
  return arith::ConstantOp::create(b, element);
}

Value KernelBuilder::integer(int64_t value, int64_t width) {
  TypedAttr element = b.getI32IntegerAttr(value);
  if (width > 1)
    element = DenseElementsAttr::get(VectorType::get(width, b.getI32Type()), Attribute(element));
  return arith::ConstantOp::create(b, element);
}

Value KernelBuilder::roundDown(Value x, int64_t multiple) {
  Value rest = b.createOrFold<arith::RemUIOp>(x, index(multiple));
  return subIndex(x, rest);
}

Value KernelBuilder::isBelow(int64_t offset, Value count, int64_t width) {
  Value limit = arith::IndexCastOp::create(b, b.getI32Type(), count);
  TypedAttr positions = b.getI32IntegerAttr(offset);
  if (width > 1) {
    SmallVector<int32_t> elements = llvm::to_vector(llvm::seq<int32_t>(offset, offset + width));
    positions = b.getI32VectorAttr(elements);
  }
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, arith::ConstantOp::create(b, positions),
                               broadcast(limit, width));
}

Value KernelBuilder::dim(Value memref, int64_t dimension) {
  int64_t size = cast<MemRefType>(memref.getType()).getDimSize(dimension);
  if (!ShapedType::isDynamic(size))
    return index(size);
  return b.createOrFold<memref::DimOp>(memref, dimension);
}

Value KernelBuilder::loadIndex(Value memref, ValueRange indices) {
  return arith::IndexCastOp::create(b, b.getIndexType(), memref::LoadOp::create(b, memref, indices));
}

Value KernelBuilder::broadcast(Value scalar, int64_t width) {
  if (width == 1)
    return scalar;
  return vector::BroadcastOp::create(b, VectorType::get(width, scalar.getType()), scalar);
}

Value KernelBuilder::zipQuarters(Value x, Value y, std::array<int64_t, 4> elements) {
  int64_t width = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> mask;
  for (int64_t quarter = 0; quarter < width; quarter += 4)
    for (int64_t element : elements)
      mask.push_back(quarter + (element < 4 ? element : width + element - 4));
  return shuffle(x, y, mask);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value KernelBuilder::load(Value memref, ValueRange indices, int64_t width) {
  Value value;
  if (width == 1)
    value = memref::LoadOp::create(b, memref, indices);
  else
    value = vector::LoadOp::create(b, VectorType::get(width, getElementTypeOrSelf(memref.getType())), memref, indices);
  return buildExtendToF32(b, b.getLoc(), value, halfConversions);
}

void KernelBuilder::store(Value value, Value memref, ValueRange indices) {
  if (isa<VectorType>(value.getType()))
    vector::StoreOp::create(b, value, memref, indices);
  else
    memref::StoreOp::create(b, value, memref, indices);
}

void KernelBuilder::storeRounded(Value value, Value memref, ValueRange indices) {
  Type element = getElementTypeOrSelf(memref.getType());
  store(buildRoundFromF32(b, b.getLoc(), value, element, halfConversions), memref, indices);
}

Value KernelBuilder::flattenLast(Value memref) {
  int64_t rank = cast<MemRefType>(memref.getType()).getRank();
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i + 2 < rank; ++i)
    groups.push_back({i});
  groups.push_back({rank - 2, rank - 1});
  return memref::CollapseShapeOp::create(b, memref, groups);
}

Value KernelBuilder::loadPadded(Value memref, ValueRange indices, int64_t width) {
  if (width == lanes)
    return load(memref, indices, width);
  Value result = constant(0.0f, lanes);
  SmallVector<Value> at(indices);
  for (Piece piece : splitIntoPieces(width, lanes)) {
    at.back() = addIndex(indices.back(), piece.offset);
    Value value = load(memref, at, piece.width);
    if (piece.width == 1)
      result = vector::InsertOp::create(b, value, result, piece.offset);
    else
      result =
          vector::InsertStridedSliceOp::create(b, value, result, ArrayRef<int64_t>{piece.offset}, ArrayRef<int64_t>{1});
  }
  return result;
}

void KernelBuilder::prefetch(Value memref, ValueRange indices, bool toFirstLevel) {
  memref::PrefetchOp::create(b, memref, indices, /*isWrite=*/false, /*localityHint=*/toFirstLevel ? 3 : 2,
                             /*isDataCache=*/true);
}

Value KernelBuilder::loadStored(Value memref, ValueRange indices, int64_t width) {
  if (width == 1)
    return memref::LoadOp::create(b, memref, indices);
  return vector::LoadOp::create(b, VectorType::get(width, getElementTypeOrSelf(memref.getType())), memref, indices);
}

Value KernelBuilder::bitcast(Value x, Type element) {
  auto type = cast<VectorType>(x.getType());
  int64_t bits = type.getNumElements() * type.getElementTypeBitWidth();
  return vector::BitCastOp::create(b, VectorType::get(bits / element.getIntOrFloatBitWidth(), element), x);
}

Value KernelBuilder::callIntrinsic(StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, result, b.getStringAttr(name), operands).getResult(0);
}

Value KernelBuilder::loadBelow(Value memref, ValueRange indices, Piece piece, Value count) {
  if (!count)
    return load(memref, indices, piece.width);
  Value mask = isBelow(piece.offset, count, piece.width);
  if (piece.width == 1)
    return choose(
        mask, [&] { return SmallVector<Value>{load(memref, indices, 1)}; },
        [&] { return SmallVector<Value>{constant(0.0f)}; })[0];
  auto type = VectorType::get(piece.width, getElementTypeOrSelf(memref.getType()));
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value stored = vector::MaskedLoadOp::create(b, type, memref, indices, mask, zeros);
  return buildExtendToF32(b, b.getLoc(), stored, halfConversions);
}

void KernelBuilder::storeBelow(Value value, Value memref, ValueRange indices, Piece piece, Value count) {
  if (!count)
    return store(value, memref, indices);
  Value mask = isBelow(piece.offset, count, piece.width);
  if (piece.width == 1)
    ifThen(mask, [&] { store(value, memref, indices); });
  else
    vector::MaskedStoreOp::create(b, memref, indices, mask, value);
}

Value KernelBuilder::stackBuffer(ArrayRef<int64_t> shape, Type element) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&cast<FunctionOpInterface>(scope).getFunctionBody().front());
  return memref::AllocaOp::create(b, MemRefType::get(shape, element ? element : b.getF32Type()),
                                  b.getI64IntegerAttr(64));
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void KernelBuilder::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, from, to, index(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

SmallVector<Value> KernelBuilder::loop(Value from, Value to, int64_t step, ValueRange initial,
                                       function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, from, to, index(step), initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(b, next);
  return loop.getResults();
}

void KernelBuilder::loopInTiles(Value count, int64_t size, function_ref<void(Value, int64_t)> body) {
  Value whole = roundDown(count, size);
  loop(index(0), whole, size, [&](Value first) { body(first, size); });
  if (size > 1)
    loop(whole, count, 1, [&](Value first) { body(first, 1); });
}

void KernelBuilder::ifThen(Value condition, function_ref<void()> thenBody) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  thenBody();
}

void KernelBuilder::ifThenElse(Value condition, function_ref<void()> thenBody, function_ref<void()> elseBody) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  thenBody();
  b.setInsertionPointToStart(branch.elseBlock());
  elseBody();
}

SmallVector<Value> KernelBuilder::choose(Value condition, function_ref<SmallVector<Value>()> thenBody,
                                         function_ref<SmallVector<Value>()> elseBody) {
  auto yield = [&](function_ref<SmallVector<Value>()> body) {
    return [this, body](OpBuilder &, Location) { scf::YieldOp::create(b, body()); };
  };
  auto branch = scf::IfOp::create(b, condition, yield(thenBody), yield(elseBody));
  return branch.getResults();
}

void KernelBuilder::forEachPiece(int64_t size, function_ref<void(Value, int64_t)> body) {
  int64_t whole = size / lanes * lanes;
  if (whole > lanes)
    loop(index(0), index(whole), lanes, [&](Value offset) { body(offset, lanes); });
  else if (whole == lanes)
    body(index(0), lanes);
  // The rest is less than `lanes`, so its pieces are narrower.
  for (Piece piece : splitIntoPieces(size - whole, lanes))
    body(index(whole + piece.offset), piece.width);
}
