// mf-report-cost: what the functions of a model cost.
#include "mf/Dialect/MF/Transforms/CostModel.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/ToolOutputFile.h"

namespace mlir::mf {
#define GEN_PASS_DEF_REPORTCOSTPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
struct ReportCostPass : public mf::impl::ReportCostPassBase<ReportCostPass> {
  using ReportCostPassBase::ReportCostPassBase;

  LogicalResult fail(const Twine &message) { return getOperation().emitError("mf-report-cost: ") << message; }

  /// Reads the options.
  LogicalResult parse(CostOptions &parsed) {
    parsed.countMaskedPairs = countMaskedPairs;
    for (const std::string &entry : at) {
      auto [name, number] = StringRef(entry).split(':');
      int64_t size = 0;
      if (name.empty() || number.getAsInteger(10, size) || size < 0)
        return fail("expects 'at' to be sizes like tokens:512, found '" + entry + "'");
      parsed.sizes[name] = size;
    }
    if (format == "text" || format == "json")
      return success();
    return fail("expects 'format' to be text or json, found '" + format + "'");
  }

  LogicalResult report() {
    CostOptions parsed;
    if (failed(parse(parsed)))
      return failure();
    FailureOr<std::vector<FunctionCost>> functions = computeCosts(getOperation(), parsed);
    if (failed(functions))
      return failure();
    std::error_code error;
    llvm::ToolOutputFile file(output, error, llvm::sys::fs::OF_Text);
    if (error)
      return fail("cannot write '" + output + "': " + error.message());
    if (format == "json")
      file.os() << llvm::formatv("{0:2}", describeCosts(*functions, parsed)) << "\n";
    else
      printCosts(*functions, parsed, /*withOps=*/true, file.os());
    file.keep();
    return success();
  }

  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(report()))
      signalPassFailure();
  }
};
} // namespace
