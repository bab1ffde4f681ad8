// The file that mf-run --count-codes writes: how often a text used each row of each table.
#ifndef MF_LIB_DIALECT_MF_TRANSFORMS_USECOUNTS_H
#define MF_LIB_DIALECT_MF_TRANSFORMS_USECOUNTS_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace mlir::mf {

/// The uses of the rows of each table of a parameter; rows behind the last that was used are left out.
using TableCounts = std::vector<std::vector<int64_t>>;

/// By the names of parameters.
using UseCounts = llvm::StringMap<TableCounts>;

/// Reads
///
///   {"format": "mf-code-counts", "tokens": 2000, "tables": {"<parameter>": [[3, 0, ...], ...], ...}}
///
/// with a list of up to 2^tau numbers for each table of a parameter. An error says what was expected where.
llvm::Expected<UseCounts> readUseCounts(StringRef path);

} // namespace mlir::mf

#endif // MF_LIB_DIALECT_MF_TRANSFORMS_USECOUNTS_H
