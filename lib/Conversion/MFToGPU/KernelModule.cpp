// The kernels of a module, and what launches them: equal ops launch one kernel.
#include "KernelModule.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr StringLiteral kKernels = "kernels";

gpu::GPUModuleOp KernelModule::getKernels() {
  if (kernelModule)
    return kernelModule;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(), b.getUnitAttr());
  kernelModule = gpu::GPUModuleOp::create(b, module.getLoc(), kKernels);
  b.setInsertionPointToStart(kernelModule.getBody());
  // Of no size: it becomes the memory whose size a launch gives.
  Attribute space = gpu::AddressSpaceAttr::get(b.getContext(), gpu::AddressSpace::Workgroup);
  auto type = MemRefType::get({0}, b.getI8Type(), MemRefLayoutAttrInterface(), space);
  memref::GlobalOp::create(b, module.getLoc(), kWorkgroupMemory, b.getStringAttr("public"), type,
                           /*initial_value=*/Attribute(), /*constant=*/false, b.getI64IntegerAttr(128));
  return kernelModule;
}

/// Ops of a group share operands. A single op has each for itself, so that equal ops are equal kernels.
KernelModule::Operands KernelModule::getOperands(ArrayRef<Operation *> ops) {
  Operands operands;
  for (Operation *op : ops)
    for (Value operand : op->getOperands()) {
      auto *found = ops.size() == 1 ? operands.values.end() : llvm::find(operands.values, operand);
      operands.places.push_back(found - operands.values.begin());
      if (found == operands.values.end())
        operands.values.push_back(operand);
    }
  return operands;
}

gpu::GPUFuncOp KernelModule::createKernel(ArrayRef<Operation *> ops, const Operands &operands, StringRef family,
                                          const LaunchShape &shape, GroupBuilder build) {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << family;
  for (Operation *op : ops)
    os << op->getName() << op->getAttrDictionary() << op->getPropertiesAsAttribute() << op->getOperandTypes();
  llvm::interleaveComma(operands.places, os);
  gpu::GPUFuncOp &kernel = kernels[key];
  if (kernel)
    return kernel;
  gpu::GPUModuleOp target = getKernels();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(target.getBody());
  Location loc = ops.front()->getLoc();
  std::string name = (family + "_" + Twine(kernels.size() - 1)).str();
  kernel = gpu::GPUFuncOp::create(b, loc, name, b.getFunctionType(ValueRange(operands.values).getTypes(), {}));
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  kernel.setKnownBlockSizeAttr(b.getDenseI32ArrayAttr({static_cast<int32_t>(shape.threads), 1, 1}));
  if (shape.cluster > 1)
    kernel.setKnownClusterSizeAttr(b.getDenseI32ArrayAttr({1, static_cast<int32_t>(shape.cluster), 1}));
  if (shape.registers)
    kernel->setAttr(NVVM::NVVMDialect::getMaxnregAttrName(), b.getI32IntegerAttr(shape.registers));
  b.setInsertionPointToStart(&kernel.getBody().front());
  // The ops on the kernel's arguments say what to build, then they go.
  SmallVector<Operation *> inner;
  ArrayRef<size_t> places = operands.places;
  for (Operation *op : ops) {
    inner.push_back(b.clone(*op));
    for (OpOperand &operand : inner.back()->getOpOperands())
      operand.set(kernel.getBody().front().getArgument(places[operand.getOperandNumber()]));
    places = places.drop_front(op->getNumOperands());
  }
  GPUKernelBuilder k(ImplicitLocOpBuilder(loc, inner.front()));
  build(inner, k);
  for (Operation *op : inner)
    op->erase();
  gpu::ReturnOp::create(b, loc);
  return kernel;
}

void KernelModule::launchGroup(ArrayRef<Operation *> ops, StringRef family, const LaunchShape &shape,
                               GroupBuilder build) {
  Operands operands = getOperands(ops);
  gpu::GPUFuncOp kernel = createKernel(ops, operands, family, shape, build);
  Location loc = ops.back()->getLoc();
  SmallVector<Value, 3> grid(shape.grid);
  Value one = index(loc, 1);
  grid.resize(3, one);
  Value bytes = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(shape.workgroupBytes));
  gpu::LaunchFuncOp::create(b, loc, kernel, gpu::KernelDim3{grid[0], grid[1], grid[2]},
                            gpu::KernelDim3{index(loc, shape.threads), one, one}, bytes, operands.values);
}

void KernelModule::launch(Operation *op, StringRef family, const LaunchShape &shape, BodyBuilder build) {
  launchGroup(op, family, shape, [&](ArrayRef<Operation *> ops, GPUKernelBuilder &k) { build(ops.front(), k); });
}

Value KernelModule::ceilDiv(Location loc, Value x, int64_t y) {
  return b.createOrFold<arith::CeilDivUIOp>(loc, x, index(loc, y));
}

void KernelModule::chooseByTokens(Location loc, Value tokens, int64_t bound, function_ref<void()> few,
                                  function_ref<void()> many) {
  Value isFew = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, tokens, index(loc, bound));
  auto branch = scf::IfOp::create(b, loc, isFew, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  few();
  b.setInsertionPoint(branch.elseYield());
  many();
}
