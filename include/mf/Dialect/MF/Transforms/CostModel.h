// What the functions of a model cost: per op, per block, in all.
#ifndef MF_DIALECT_MF_TRANSFORMS_COSTMODEL_H
#define MF_DIALECT_MF_TRANSFORMS_COSTMODEL_H

#include "mf/Dialect/MF/IR/Cost.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace mlir::mf {

struct CostOptions {
  /// Attention counts the pairs that a causal mask hides, too.
  bool countMaskedPairs = false;
  /// Sizes that polynomials are evaluated at; none: they are not. `rows`, of logits, is 1
  /// where it is not there, `picks`, of which only the likeliest tokens are told, 0.
  llvm::StringMap<int64_t> sizes;

  /// `sizes`, or `usual` where there are none, with these.
  llvm::StringMap<int64_t> getSizes(const llvm::StringMap<int64_t> &usual = {}) const;
};

struct OpCost {
  std::string op;              ///< "mf.lookup"
  std::string parameter;       ///< the first one that it reads; empty: none
  double storedTableBytes = 0; ///< of a lookup: bytes of its tables in the parameter file
  Cost cost;
};

/// Bytes of the parameter file.
struct StoredBytes {
  double tables = 0;  ///< of lookups
  double weights = 0; ///< of everything else
};

/// The ops of one block, or those that belong to none.
struct CostGroup {
  std::string name; ///< the parameters' `mf.block`
  StoredBytes stored;
  std::vector<OpCost> ops; ///< in the function's order
  Cost total;
};

struct FunctionCost {
  std::string name;
  std::vector<CostGroup> blocks; ///< in the order in which the function comes to them
  CostGroup rest;                ///< ops without a block, and parameters that no block owns
  Cost total;
  StoredBytes stored;
};

/// The costs of all functions that the module defines. A parameter belongs to the block that its `mf.block` names, an
/// op to the block of its parameters, or else to the latest block of what it reads. Emits an error and fails where an
/// op with a cost says none (CostOpInterface), is in a loop or on memrefs: the module must not be tiled yet.
FailureOr<std::vector<FunctionCost>> computeCosts(ModuleOp module, const CostOptions &options);

/// Equal neighbouring blocks are printed once. `withOps`: also every op that costs anything.
void printCosts(ArrayRef<FunctionCost> functions, const CostOptions &options, bool withOps, llvm::raw_ostream &os);

/// The same as JSON, with all blocks and ops.
llvm::json::Value describeCosts(ArrayRef<FunctionCost> functions, const CostOptions &options);

} // namespace mlir::mf

#endif // MF_DIALECT_MF_TRANSFORMS_COSTMODEL_H
