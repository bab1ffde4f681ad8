// What a compilation cost and made.
#ifndef MF_LIB_TARGET_REPORT_H
#define MF_LIB_TARGET_REPORT_H

#include "CompileVariant.h"

namespace mlir::mf {

/// A compilation of a library.
struct Report {
  std::vector<StepTime> steps; ///< of the whole: import, model, variants, parameters, link, commit
  struct Variant {
    std::string name;
    uint64_t codeBytes; ///< of the object
    std::vector<StepTime> steps;
    std::vector<StrategyCount> strategies;
    std::vector<LoopCount> loops;
  };
  std::vector<Variant> variants;
  std::vector<std::pair<std::string, uint64_t>> sections; ///< of the library, in bytes
  uint64_t libraryBytes = 0;
  uint64_t parameterBytes = 0;
  uint64_t parameterCount = 0;
  /// Quantised parameters and their relative errors, ParameterRecord::relativeError.
  std::vector<std::pair<std::string, double>> quantizationErrors;
};

/// Sizes of the allocated sections of an ELF library.
std::vector<std::pair<std::string, uint64_t>> measureSections(StringRef library);

void printTextReport(const Report &report, llvm::raw_ostream &os);
void printJSONReport(const Report &report, llvm::raw_ostream &os);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_REPORT_H
