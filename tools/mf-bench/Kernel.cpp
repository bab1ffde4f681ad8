// Sizes and work of kernels.
#include "Kernel.h"
#include "Failure.h"

#include <cmath>

using namespace llvm;
using namespace mf::bench;
using namespace mf::run;

StringRef mf::bench::stringify(KernelKind kind) {
  static constexpr StringLiteral names[] = {"lookup",           "hash",         "linear", "attention",
                                            "linear-attention", "memory-layer", "ffn"};
  return names[static_cast<int>(kind)];
}

StringRef mf::bench::stringify(TableType type) {
  static constexpr StringLiteral names[] = {"f32", "f16", "bf16", "i8", "i4"};
  return names[static_cast<int>(type)];
}

int64_t Kernel::getInputWidth() const {
  return kind == KernelKind::Linear || isAttention() ? width : getTables() * bits;
}

Error mf::bench::checkKernel(const Kernel &kernel) {
  bool isHashed = kernel.kind != KernelKind::Linear && !kernel.isAttention();
  // The second hash of an FFN has two bits more.
  int64_t mostBits = kernel.kind == KernelKind::FFN ? 14 : 16;
  if (kernel.width < 1 || kernel.width > 1 << 20)
    return fail(ExitUsage, "--width expects 1 to 1048576, found " + Twine(kernel.width));
  if (kernel.columns < 0 || kernel.columns > 1 << 20)
    return fail(ExitUsage, "--columns expects 0 to 1048576, found " + Twine(kernel.columns));
  if (isHashed && (kernel.bits < 1 || kernel.bits > mostBits))
    return fail(ExitUsage, "--bits expects 1 to " + Twine(mostBits) + ", found " + Twine(kernel.bits));
  if (isHashed && (kernel.getTables() < 1 || kernel.getTables() > 1 << 16))
    return fail(ExitUsage, "--tables expects 1 to 65536, found " + Twine(kernel.getTables()));
  if (kernel.kind == KernelKind::FFN && kernel.getInputWidth() != kernel.width)
    return fail(ExitUsage, "the FFN pair needs width = tables x bits, found " + Twine(kernel.width) + " and " +
                               Twine(kernel.getTables()) + " x " + Twine(kernel.bits));
  if (kernel.isAttention() && (kernel.headSize < 1 || kernel.width % kernel.headSize))
    return fail(ExitUsage, "--head-size expects a divisor of the width " + Twine(kernel.width) + ", found " +
                               Twine(kernel.headSize));
  if (!kernel.hasTables() && kernel.dtype != TableType::F32)
    return fail(ExitUsage, "--dtype is for tables and weights, and '" + stringify(kernel.kind) + "' has none");
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

namespace {
/// A parameter as it is stored.
struct StoredParameter {
  int64_t bytes = 0;
  int64_t pieceBytes = 0; ///< of its last dimension
};
} // namespace

/// Bits in the name of an element type: "bf16" has 16.
static int64_t getElementBits(StringRef dtype) {
  int64_t bits = 0;
  return dtype.drop_while([](char c) { return !isDigit(c); }).getAsInteger(10, bits) ? 8 : bits;
}

static StoredParameter findParameter(const json::Object &info, StringRef name) {
  const json::Array *parameters = info.getArray("parameters");
  for (const json::Value &value : parameters ? *parameters : json::Array()) {
    const json::Object *parameter = value.getAsObject();
    if (!parameter || parameter->getString("name") != name)
      continue;
    const json::Array *shape = parameter->getArray("shape");
    int64_t last = shape && !shape->empty() ? shape->back().getAsInteger().value_or(0) : 0;
    int64_t bits = getElementBits(parameter->getString("dtype").value_or(""));
    return {parameter->getInteger("bytes").value_or(0), last * bits / 8};
  }
  return {};
}

/// Adds a lookup in tables of `rows` rows. Codes are uniform, so a row is read by none of the tokens with the
/// probability (1 - 1 / rows)^tokens.
static void addLookup(Work &work, double tokens, double tables, double rows, double columns,
                      const StoredParameter &stored) {
  double rowBytes = double(stored.bytes) / (tables * rows);
  work.multiplyAdds += tokens * tables * columns;
  work.parameterBytes += tables * rows * -std::expm1(tokens * std::log1p(-1 / rows)) * rowBytes;
  work.gatheredBytes += tokens * tables * rowBytes;
  work.pieceBytes = stored.pieceBytes;
}

Work mf::bench::describeWork(const Kernel &kernel, int64_t tokens, const json::Object &info) {
  Work work;
  double count = double(tokens), tables = double(kernel.getTables()), width = double(kernel.width);
  double rows = double(1 << kernel.bits), codeBytes = count * tables * (kernel.bits <= 8 ? 5 : 6);
  work.activationBytes = 4 * count * (double(kernel.getInputWidth()) + width);
  StoredParameter first = findParameter(info, "tables");
  switch (kernel.kind) {
  case KernelKind::Hash:
    work.activationBytes = 4 * count * double(kernel.getInputWidth()) + codeBytes;
    break;
  case KernelKind::Lookup:
    work.activationBytes = 4 * count * width + codeBytes;
    addLookup(work, count, tables, rows, width, first);
    break;
  case KernelKind::MemoryLayer:
    addLookup(work, count, tables, rows, width, first);
    break;
  case KernelKind::FFN:
    addLookup(work, count, tables, rows, tables * double(kernel.bits + 2), first);
    addLookup(work, count, tables, 4 * rows, width, findParameter(info, "tables2"));
    break;
  case KernelKind::Linear:
    work.multiplyAdds = count * width * double(kernel.getColumns());
    work.activationBytes = 4 * count * (width + double(kernel.getColumns()));
    // Scales are there where the weight is quantised.
    work.parameterBytes = double(findParameter(info, "weight").bytes + findParameter(info, "weight.scales").bytes);
    break;
  case KernelKind::Attention:
    // Scores and sums over the keys up to the query.
    work.multiplyAdds = count * (count + 1) / 2 * 2 * width;
    work.activationBytes = 4 * count * 4 * width;
    break;
  case KernelKind::LinearAttention:
    // As many features as elements: sums of keys and values, queries times these and times the sums of keys, and the
    // pairs of a chunk.
    work.multiplyAdds = count * width * (2 * double(kernel.headSize) + 1 + kAttentionChunk + 1);
    work.activationBytes = 4 * count * 4 * width;
    break;
  }
  return work;
}
