// Writes kernels as modules of the dialect mf.
#include "Kernel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace mf::bench;

/// The extent of a dimension that is known when the kernel is called.
static constexpr int64_t tokens = -1;

namespace {
/// A value: its name and type.
struct Value {
  std::string name, type;
  SmallVector<int64_t> shape;
};

/// A module with one function, `call`, written op by op.
class ModuleWriter {
public:
  Value argument(StringRef name, SmallVector<int64_t> shape, StringRef element = "f32");
  Value parameter(StringRef name, SmallVector<int64_t> shape, StringRef element, double scale);
  /// Codes and scores.
  std::pair<Value, Value> hash(const Value &x, int64_t tables, int64_t bits);
  Value lookup(const Value &codes, const Value &scores, const Value &tables, const Value &bias);
  Value layerNorm(const Value &x, const Value &weight, const Value &bias);
  Value linear(const Value &x, const Value &weight);
  Value attention(const Value &q, const Value &k, const Value &v, double scale);
  /// Causal, with elu + 1 features.
  Value linearAttention(const Value &q, const Value &k, const Value &v);
  std::string finish(ArrayRef<std::pair<StringRef, Value>> results);

private:
  Value create(SmallVector<int64_t> shape, StringRef element);
  Value empty(SmallVector<int64_t> shape, StringRef element = "f32");
  static std::string attributes(StringRef name, const Value &value);

  std::string parameters, arguments, body;
  unsigned count = 0;
  uint64_t seed = 0;
};
} // namespace

static std::string getTensorType(ArrayRef<int64_t> shape, StringRef element) {
  std::string type = "tensor<";
  for (int64_t extent : shape)
    type += (extent == tokens ? "?" : std::to_string(extent)) + "x";
  return type + element.str() + ">";
}

static std::string listOperands(ArrayRef<Value> values) {
  std::string names, types;
  for (const Value &value : values) {
    names += (names.empty() ? "" : ", ") + value.name;
    types += (types.empty() ? "" : ", ") + value.type;
  }
  return names + " : " + types;
}

Value ModuleWriter::create(SmallVector<int64_t> shape, StringRef element) {
  return {"%" + std::to_string(count++), getTensorType(shape, element), shape};
}

std::string ModuleWriter::attributes(StringRef name, const Value &value) {
  std::string dims;
  for (int64_t extent : value.shape)
    dims += std::string(dims.empty() ? "" : ", ") + (extent == tokens ? "\"tokens\"" : "\"\"");
  return "{mf.name = \"" + name.str() + "\", mf.dims = [" + dims + "]}";
}

Value ModuleWriter::argument(StringRef name, SmallVector<int64_t> shape, StringRef element) {
  Value value{"%" + name.str(), getTensorType(shape, element), shape};
  if (arguments.empty())
    body += "    %axis = arith.constant 0 : index\n    %tokens = tensor.dim " + value.name + ", %axis : " + value.type +
            "\n";
  arguments += (arguments.empty() ? "" : ", ") + value.name + ": " + value.type + " " + attributes(name, value);
  return value;
}

Value ModuleWriter::parameter(StringRef name, SmallVector<int64_t> shape, StringRef element, double scale) {
  Value value = create(shape, element);
  raw_string_ostream(parameters) << "  mf.parameter @" << name << " : " << value.type
                                 << " from #mf.random<seed = " << ++seed << ", scale = " << scale << " : f64>\n";
  body += "    " + value.name + " = mf.get_parameter @" + name.str() + " : " + value.type + "\n";
  return value;
}

Value ModuleWriter::empty(SmallVector<int64_t> shape, StringRef element) {
  Value value = create(shape, element);
  body += "    " + value.name + " = tensor.empty(%tokens) : " + value.type + "\n";
  return value;
}

std::pair<Value, Value> ModuleWriter::hash(const Value &x, int64_t tables, int64_t bits) {
  StringRef element = bits <= 8 ? "i8" : "i16";
  Value codeInit = empty({tokens, tables}, element), scoreInit = empty({tokens, tables});
  Value codes = create({tokens, tables}, element), scores = create({tokens, tables}, "f32");
  body += "    " + codes.name + ", " + scores.name + " = mf.hash magnitude bits(" + std::to_string(bits) + ") ins(" +
          listOperands(x) + ") outs(" + listOperands({codeInit, scoreInit}) + ") -> " + codes.type + ", " +
          scores.type + "\n";
  return {codes, scores};
}

Value ModuleWriter::lookup(const Value &codes, const Value &scores, const Value &tables, const Value &bias) {
  Value init = empty({tokens, tables.shape.back()}), result = create({tokens, tables.shape.back()}, "f32");
  body += "    " + result.name + " = mf.lookup ins(" + listOperands({codes, scores}) + ") tables(" +
          listOperands(tables) + ") biases(" + listOperands(bias) + ") outs(" + listOperands(init) + ") -> " +
          result.type + "\n";
  return result;
}

Value ModuleWriter::layerNorm(const Value &x, const Value &weight, const Value &bias) {
  Value init = empty(x.shape), result = create(x.shape, "f32");
  body += "    " + result.name + " = mf.layer_norm ins(" + listOperands({x, weight, bias}) + ") outs(" +
          listOperands(init) + ") -> " + result.type + "\n";
  return result;
}

Value ModuleWriter::linear(const Value &x, const Value &weight) {
  Value init = empty({tokens, weight.shape.front()}), result = create({tokens, weight.shape.front()}, "f32");
  body += "    " + result.name + " = mf.linear ins(" + listOperands({x, weight}) + ") outs(" + listOperands(init) +
          ") -> " + result.type + "\n";
  return result;
}

Value ModuleWriter::attention(const Value &q, const Value &k, const Value &v, double scale) {
  Value init = empty(q.shape), result = create(q.shape, "f32");
  raw_string_ostream(body) << "    " << result.name << " = mf.attention causal scale(" << scale << ") ins("
                           << listOperands({q, k, v}) << ") outs(" << listOperands(init) << ") -> " << result.type
                           << "\n";
  return result;
}

Value ModuleWriter::linearAttention(const Value &q, const Value &k, const Value &v) {
  Value init = empty(q.shape), result = create(q.shape, "f32");
  raw_string_ostream(body) << "    " << result.name << " = mf.linear_attention causal features(#mf.elu_features) chunk("
                           << kAttentionChunk << ") ins(" << listOperands({q, k, v}) << ") outs(" << listOperands(init)
                           << ") -> " << result.type << "\n";
  return result;
}

std::string ModuleWriter::finish(ArrayRef<std::pair<StringRef, Value>> results) {
  std::string types;
  SmallVector<Value> values;
  for (const auto &[name, value] : results) {
    types += (types.empty() ? "" : ", ") + value.type + " " + attributes(name, value);
    values.push_back(value);
  }
  return "module {\n  func.func @call(" + arguments + ")\n      -> (" + types + ") {\n" + body + "    return " +
         listOperands(values) + "\n  }\n" + parameters + "}\n";
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Tables and bias as parameters, then the lookup in them.
static Value writeLookup(ModuleWriter &writer, std::pair<Value, Value> hash, const Kernel &kernel, int64_t bits,
                         int64_t columns, StringRef tables, StringRef bias) {
  StringRef element = kernel.isQuantised() ? "f32" : stringify(kernel.dtype);
  Value table = writer.parameter(tables, {kernel.getTables(), int64_t(1) << bits, columns}, element, 0.02);
  return writer.lookup(hash.first, hash.second, table, writer.parameter(bias, {columns}, "f32", 0.001));
}

static std::string writeFFN(const Kernel &kernel) {
  ModuleWriter writer;
  int64_t bits = kernel.bits + 2, hidden = kernel.getTables() * bits;
  Value x = writer.argument("x", {tokens, kernel.width});
  Value expanded = writeLookup(writer, writer.hash(x, kernel.getTables(), kernel.bits), kernel, kernel.bits, hidden,
                               "tables", "bias");
  Value weight = writer.parameter("norm.weight", {hidden}, "f32", 1),
        bias = writer.parameter("norm.bias", {hidden}, "f32", 0.01);
  Value norm = writer.layerNorm(expanded, weight, bias);
  return writer.finish({{"y", writeLookup(writer, writer.hash(norm, kernel.getTables(), bits), kernel, bits,
                                          kernel.width, "tables2", "bias2")}});
}

static std::string writeAttention(const Kernel &kernel) {
  ModuleWriter writer;
  SmallVector<int64_t> shape = {tokens, kernel.width / kernel.headSize, kernel.headSize};
  Value q = writer.argument("q", shape), k = writer.argument("k", shape), v = writer.argument("v", shape);
  if (kernel.kind == KernelKind::LinearAttention)
    return writer.finish({{"y", writer.linearAttention(q, k, v)}});
  return writer.finish({{"y", writer.attention(q, k, v, 1 / std::sqrt(double(kernel.headSize)))}});
}

std::string mf::bench::writeModule(const Kernel &kernel) {
  ModuleWriter writer;
  StringRef codeType = kernel.bits <= 8 ? "i8" : "i16";
  switch (kernel.kind) {
  case KernelKind::Lookup: {
    Value codes = writer.argument("codes", {tokens, kernel.getTables()}, codeType);
    Value scores = writer.argument("scores", {tokens, kernel.getTables()});
    return writer.finish(
        {{"y", writeLookup(writer, {codes, scores}, kernel, kernel.bits, kernel.width, "tables", "bias")}});
  }
  case KernelKind::Hash: {
    Value x = writer.argument("x", {tokens, kernel.getInputWidth()});
    auto [codes, scores] = writer.hash(x, kernel.getTables(), kernel.bits);
    return writer.finish({{"codes", codes}, {"scores", scores}});
  }
  case KernelKind::MemoryLayer: {
    Value x = writer.argument("x", {tokens, kernel.getInputWidth()});
    return writer.finish({{"y", writeLookup(writer, writer.hash(x, kernel.getTables(), kernel.bits), kernel,
                                            kernel.bits, kernel.width, "tables", "bias")}});
  }
  case KernelKind::Linear: {
    Value x = writer.argument("x", {tokens, kernel.width});
    StringRef element = kernel.isQuantised() ? "f32" : stringify(kernel.dtype);
    return writer.finish(
        {{"y", writer.linear(x, writer.parameter("weight", {kernel.getColumns(), kernel.width}, element, 0.02))}});
  }
  case KernelKind::Attention:
  case KernelKind::LinearAttention:
    return writeAttention(kernel);
  case KernelKind::FFN:
    return writeFFN(kernel);
  }
  return "";
}
