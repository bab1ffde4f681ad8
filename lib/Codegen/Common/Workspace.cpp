// Lifetimes and sizes of buffers.
#include "Workspace.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Lifetimes
//===----------------------------------------------------------------------===//

Lifetimes::Lifetimes(Block &block, const BufferViewFlowAnalysis &aliases) : block(block), aliases(aliases) {
  for (auto [number, op] : llvm::enumerate(block))
    numbers[&op] = number;
}

/// Whether `alias`, of a buffer that is allocated in `loop`, is a value that the loop carries or returns.
static bool isCarriedBy(Value alias, LoopLikeOpInterface loop) {
  if (alias.getDefiningOp())
    return alias.getDefiningOp() == loop;
  return llvm::is_contained(loop.getLoopRegions(), alias.getParentRegion());
}

FailureOr<Lifetime> Lifetimes::get(memref::AllocOp alloc) const {
  auto loop = alloc->getParentOfType<LoopLikeOpInterface>();
  bool inNestedLoop = loop && block.getParentOp()->isProperAncestor(loop);
  int64_t number = numbers.lookup(block.findAncestorOpInBlock(*alloc));
  // A buffer that nothing touches lives nowhere; this keeps the order of allocations.
  Lifetime lifetime{std::numeric_limits<int64_t>::max(), -1};
  for (Value alias : aliases.resolve(alloc)) {
    if (inNestedLoop && isCarriedBy(alias, loop))
      return alloc.emitOpError() << "cannot have a place in the workspace: the loop that it is in carries it from one "
                                    "iteration to the next";
    for (Operation *user : alias.getUsers()) {
      // Views and loops that take a buffer along touch nothing themselves.
      if (user->getNumRegions() == 0 && isPure(user))
        continue;
      int64_t use = numbers.lookup(block.findAncestorOpInBlock(*user));
      lifetime.first = std::min(lifetime.first, use);
      lifetime.last = std::max(lifetime.last, use);
    }
  }
  if (lifetime.last < 0)
    return Lifetime{number, number};
  return lifetime;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

bool SymbolicSize::hasDimsOf(const SymbolicSize &other) const {
  return dims.size() == other.dims.size() && std::is_permutation(dims.begin(), dims.end(), other.dims.begin());
}

FailureOr<SymbolicSize> mlir::mf::getSize(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  Type element = type.getElementType();
  if (!type.getLayout().isIdentity() || !(element.isIntOrFloat() || element.isIndex()))
    return alloc.emitOpError() << "cannot have a place in the workspace: expects a compact memref of numbers, found "
                               << type;
  int64_t bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  SymbolicSize size{static_cast<int64_t>(llvm::divideCeil(bits, 8)), llvm::to_vector(alloc.getDynamicSizes())};
  for (int64_t extent : type.getShape())
    if (!ShapedType::isDynamic(extent))
      size.factor *= extent;
  return size;
}

std::optional<int64_t> mlir::mf::getConstantBound(const SymbolicSize &size) {
  int64_t bytes = size.factor;
  for (Value dim : size.dims) {
    FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
        presburger::BoundType::UB, ValueBoundsConstraintSet::Variable(dim), /*stopCondition=*/nullptr,
        /*closedUB=*/true);
    if (failed(bound))
      return std::nullopt;
    bytes *= std::max<int64_t>(*bound, 0);
  }
  return bytes;
}

//===----------------------------------------------------------------------===//
// Values of the frame
//===----------------------------------------------------------------------===//

/// Whether `expr` never shrinks when a variable grows.
static bool isGrowing(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return true;
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return isGrowing(binary.getLHS()) && isGrowing(binary.getRHS());
  case AffineExprKind::Mul:
    return constant && constant.getValue() >= 0 && isGrowing(binary.getLHS());
  case AffineExprKind::FloorDiv:
  case AffineExprKind::CeilDiv:
    return constant && constant.getValue() > 0 && isGrowing(binary.getLHS());
  default:
    return false;
  }
}

static bool hasGrowingMap(AffineMap map) { return llvm::all_of(map.getResults(), isGrowing); }

/// Whether the result of `op` never shrinks when an operand grows.
static bool isGrowing(Operation *op) {
  auto isConstantAbove = [](Value value, int64_t bound) {
    std::optional<int64_t> constant = getConstantIntValue(value);
    return constant && *constant > bound;
  };
  return TypeSwitch<Operation *, bool>(op)
      .Case<FrameDimOp, FrameWorkersOp, arith::ConstantOp, arith::AddIOp, arith::MaxSIOp, arith::MaxUIOp,
            arith::MinSIOp, arith::MinUIOp>([](auto) { return true; })
      .Case([&](arith::MulIOp mul) {
        // The product of two extents grows too.
        return llvm::none_of(mul->getOperands(), [&](Value operand) {
          return getConstantIntValue(operand) && !isConstantAbove(operand, -1);
        });
      })
      .Case([&](arith::SubIOp sub) { return getConstantIntValue(sub.getRhs()).has_value(); })
      .Case<arith::CeilDivSIOp, arith::CeilDivUIOp, arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>(
          [&](auto div) { return isConstantAbove(div.getRhs(), 0); })
      .Case<affine::AffineApplyOp, affine::AffineMaxOp, affine::AffineMinOp>(
          [](auto affineOp) { return hasGrowingMap(affineOp.getMap()); })
      .Default(false);
}

/// The extent that `dim` asks an operand of the frame for; null if it asks for something else.
static Value getOperandExtent(memref::DimOp dim) {
  auto operand = dim.getSource().getDefiningOp<FrameOperandOp>();
  std::optional<int64_t> index = dim.getConstantIndex();
  if (!operand || !index)
    return {};
  auto type = cast<MemRefType>(operand.getType());
  return type.isDynamicDim(*index) ? operand.getSizes()[type.getDynamicDimIndex(*index)] : Value();
}

FailureOr<Value> FrameValueCloner::clone(Value value) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (auto dim = dyn_cast_or_null<memref::DimOp>(op))
    if (Value extent = getOperandExtent(dim))
      return clone(extent);
  if (!op || !isGrowing(op))
    return failure();
  for (Value operand : op->getOperands()) {
    if (isa<FrameType>(operand.getType())) {
      mapping.map(operand, frame);
      continue;
    }
    FailureOr<Value> cloned = clone(operand);
    if (failed(cloned))
      return failure();
    mapping.map(operand, *cloned);
  }
  builder.clone(*op, mapping);
  return mapping.lookup(value);
}
