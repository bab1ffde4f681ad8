// The kernels that are benchmarked alone: their modules, and the work that a call does.
#ifndef MF_TOOLS_MF_BENCH_KERNEL_H
#define MF_TOOLS_MF_BENCH_KERNEL_H

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <string>

namespace mf::bench {

enum class KernelKind { Lookup, Hash, Linear, Attention, LinearAttention, MemoryLayer, FFN };
enum class TableType { F32, F16, BF16, I8, I4 };

/// A kernel with its sizes.
struct Kernel {
  KernelKind kind = KernelKind::Lookup;
  int64_t width = 1024; ///< elements of a token's output (lookup), input (linear) or of both sides
  int64_t tables = 0;   ///< chunks of a token; 0: width / bits
  int64_t bits = 8;     ///< of a code
  int64_t headSize = 64;
  TableType dtype = TableType::F32;
  int64_t columns = 0; ///< of a dense layer's output; 0: width

  int64_t getTables() const { return tables ? tables : width / bits; }
  int64_t getColumns() const { return columns ? columns : width; }
  /// Elements of a token's input: what is hashed, or the features of a dense layer.
  int64_t getInputWidth() const;
  bool isAttention() const { return kind == KernelKind::Attention || kind == KernelKind::LinearAttention; }
  bool hasTables() const { return kind != KernelKind::Hash && !isAttention(); }
  bool isQuantised() const { return dtype == TableType::I8 || dtype == TableType::I4; }
};

llvm::StringRef stringify(KernelKind kind);
llvm::StringRef stringify(TableType type);

/// ExitUsage where the sizes do not make a kernel.
llvm::Error checkKernel(const Kernel &kernel);

/// A module with the kernel as its function `call`, parameters pseudo-random. Parameters of a quantised kernel are f32:
/// the compiler quantises them.
std::string writeModule(const Kernel &kernel);

/// Tokens of a chunk of linear attention, as the front end has them.
inline constexpr int64_t kAttentionChunk = 32;

/// What one call on `tokens` tokens does.
struct Work {
  double multiplyAdds = 0;
  double parameterBytes = 0; ///< of distinct parameters that are expected to be read
  double gatheredBytes = 0;  ///< of table rows, as often as they are read
  double activationBytes = 0;
  int64_t pieceBytes = 0; ///< adjacent bytes of a table's row; 0: parameters are read in order
};

/// `info` is what the compiled library tells about itself: the stored sizes of tables and weights.
Work describeWork(const Kernel &kernel, int64_t tokens, const llvm::json::Object &info);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_KERNEL_H
