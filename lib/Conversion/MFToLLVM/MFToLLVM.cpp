// The pass `convert-mf-to-llvm`: frames, parallel loops and what kernels are made of, in one conversion.
#include "Patterns.h"
#include "mf/Conversion/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"

namespace mlir::mf {
#define GEN_PASS_DEF_CONVERTMFTOLLVMPASS
#include "mf/Conversion/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

static void populatePatterns(const LLVMTypeConverter &converter, SymbolTableCollection &symbolTables,
                             RewritePatternSet &patterns) {
  populateFrameOpsToLLVMPatterns(converter, patterns);
  populateParallelForToLLVMPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns, &symbolTables);
  populateFuncToLLVMConversionPatterns(converter, patterns, &symbolTables);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
}

namespace {
struct ConvertMFToLLVMPass : mf::impl::ConvertMFToLLVMPassBase<ConvertMFToLLVMPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::DenseSet<StringAttr> kernels;
    module.walk([&](ParallelForOp op) { kernels.insert(op.getKernelAttr().getAttr()); });

    LLVMTypeConverter converter(&getContext(), LowerToLLVMOptions(&getContext()));
    converter.addConversion([](FrameType type) { return LLVM::LLVMPointerType::get(type.getContext()); });
    RewritePatternSet patterns(&getContext());
    SymbolTableCollection symbolTables;
    populatePatterns(converter, symbolTables, patterns);
    LLVMConversionTarget target(getContext());
    target.addLegalOp<ModuleOp>();
    target.addLegalDialect<MFDialect>();
    target
        .addIllegalOp<FrameDimOp, FrameOperandOp, FrameParameterOp, FrameWorkersOp, FrameWorkspaceOp, ParallelForOp>();
    if (failed(applyPartialConversion(module, target, std::move(patterns))))
      return signalPassFailure();
    setLinkage(module, kernels);
  }

  /// Nothing outside calls a private function. Kernels are inlined into their thunks, where their captures are loaded.
  static void setLinkage(ModuleOp module, const llvm::DenseSet<StringAttr> &kernels) {
    for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
      if (!function.isExternal() && function.isPrivate())
        function.setLinkage(LLVM::Linkage::Internal);
      if (kernels.contains(function.getSymNameAttr()))
        function.setAlwaysInline(true);
    }
  }
};
} // namespace
