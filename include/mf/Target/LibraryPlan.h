// What a compiled library tells about itself. Plain data, independent of the context that its IR lived in.
#ifndef MF_TARGET_LIBRARYPLAN_H
#define MF_TARGET_LIBRARYPLAN_H

#include "mf/Runtime/Plan.h"
#include "mf/Target/ParameterWriter.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"
#include <optional>

namespace mlir::mf {

/// An operand of an entry point.
struct OperandPlan {
  std::string name;
  mf_rt_role role = MF_RT_INPUT;
  std::string elementType; ///< "f32"
  mf_rt_dtype dtype = {};
  int32_t positionBlock = 1;  ///< positions of a state that are stored interleaved
  SmallVector<int64_t> shape; ///< >= 0: static extent; -1 - i: dimension i of the entry
};

/// An entry point.
struct EntryPlan {
  std::string name;
  std::vector<std::string> dims;
  std::vector<OperandPlan> operands;
};

/// How often a strategy was chosen for an op.
struct StrategyCount {
  std::string op;
  std::string strategy;
  int64_t count = 0;
};

/// The parallel loops of an entry point, at the end of each of which threads wait for each other.
struct LoopCount {
  std::string entry;
  int64_t loops = 0;
  /// Those that have more than one iteration, and so a barrier, where every dimension is 1: of one token.
  int64_t sharedForOne = 0;
};

/// A kernel of a CUDA variant, mf_rt_cuda_kernel.
struct KernelPlan {
  std::string name;
  int64_t threads = 0;        ///< of a block
  int64_t workgroupBytes = 0; ///< the most that a launch asks for
};

/// What a variant launches on CUDA devices, mf_rt_cuda_code.
struct CUDAPlan {
  std::string arch; ///< sm_90a
  int64_t major = 0, minor = 0;
  bool exact = false; ///< for devices of this compute capability alone
  std::vector<KernelPlan> kernels;
  std::string ptx;
  std::string cubin; ///< empty where there was no assembler
};

/// One instruction-set variant.
struct VariantPlan {
  std::string name;
  std::string cpu;
  std::string features; ///< LLVM's feature string
  int64_t vectorBits = 0;
  uint64_t requiredFeatures = 0; ///< bits of mf/Runtime/Plan.h
  std::optional<CUDAPlan> cuda;
  std::vector<StrategyCount> strategies;
  std::vector<LoopCount> loops;
};

/// What sessions need to know.
struct LanguageModelPlan {
  int64_t vocabulary = 0;
  int64_t maxPositions = 0;
};

/// A whole library.
struct LibraryPlan {
  std::string modelName; ///< a C identifier
  std::string triple;
  std::string config; ///< JSON text, or empty
  std::string sanitizer;
  std::optional<LanguageModelPlan> languageModel;
  std::vector<VariantPlan> variants; ///< best first
  std::vector<EntryPlan> entries;
  ParameterFile parameters;
  std::string embeddedParameters; ///< a whole parameter file, or empty
};

/// The entry points of a module whose functions have `mf.entry`, in its order. An error where an operand has a type
/// that does not cross the C interface.
llvm::Expected<std::vector<EntryPlan>> collectEntries(ModuleOp module);

/// The strategies of a module's ops, sorted and counted.
std::vector<StrategyCount> collectStrategies(ModuleOp module);

/// The parallel loops of the entry points of a bufferised module, in order.
std::vector<LoopCount> countLoops(ModuleOp module);

/// As JSON: [{"op", "strategy", "count"}, ...].
llvm::json::Array describeStrategies(llvm::ArrayRef<StrategyCount> strategies);

/// The likeliest tokens that the entry "step" of a language model tells of a pick, mf_rt_language_model::best.
int64_t getBestCount(const EntryPlan &step);

/// Checks a language model's `step` against what sessions call, mf/Runtime/Plan.h.
llvm::Error verifyLanguageModel(const LibraryPlan &plan);

/// The name of the symbol that `entry` (or its workspace function) has in a variant.
std::string getVariantSymbol(StringRef function, StringRef variant);

/// The name of the function that tells an entry's workspace.
std::string getWorkspaceFunction(StringRef entry);

/// "0123456789abcdef".
std::string formatDigest(uint64_t digest);

/// The version of this compiler, "0.1.0 (LLVM 22.1.8)".
std::string getCompilerVersion();

/// The plan as one JSON object.
std::string writeInfoJSON(const LibraryPlan &plan);

} // namespace mlir::mf

#endif // MF_TARGET_LIBRARYPLAN_H
