// Keeps one of several equal kernels. Upstream's elimination of duplicate functions would also merge entry points and
// their workspace functions, which the library looks up by name.
#include "mf/Codegen/Common/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::mf {
#define GEN_PASS_DEF_SHAREKERNELSPASS
#include "mf/Codegen/Common/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct ShareKernelsPass : public mf::impl::ShareKernelsPassBase<ShareKernelsPass> {
  using ShareKernelsPassBase::ShareKernelsPassBase;
  void runOnOperation() override;
};
} // namespace

/// A hash that equal kernels share: their types and the kinds of their ops.
static llvm::hash_code hashKernel(func::FuncOp kernel) {
  llvm::hash_code hash = llvm::hash_value(kernel.getFunctionType().getAsOpaquePointer());
  kernel.getBody().walk([&](Operation *op) {
    hash = llvm::hash_combine(hash, op->getName(), op->getRawDictionaryAttrs(), op->hashProperties());
  });
  return hash;
}

static bool areEqual(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

void ShareKernelsPass::runOnOperation() {
  DenseMap<size_t, SmallVector<func::FuncOp>> kept;
  DenseMap<StringAttr, FlatSymbolRefAttr> replacements;
  for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
    if (!kernel.isPrivate() || kernel.isExternal())
      continue;
    SmallVector<func::FuncOp> &candidates = kept[hashKernel(kernel)];
    auto *same = llvm::find_if(candidates, [&](func::FuncOp other) { return areEqual(kernel, other); });
    if (same == candidates.end()) {
      candidates.push_back(kernel);
      continue;
    }
    replacements[kernel.getSymNameAttr()] = FlatSymbolRefAttr::get(same->getSymNameAttr());
    kernel.erase();
    ++numShared;
  }
  getOperation().walk([&](ParallelForOp loop) {
    if (FlatSymbolRefAttr kernel = replacements.lookup(loop.getKernelAttr().getAttr()))
      loop.setKernelAttr(kernel);
  });
}
